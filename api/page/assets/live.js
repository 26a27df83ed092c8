// Keeps the parts of a page that others change as they are now: `data-live` names streams of
// server-sent events, or none: then it asks now and then. Each event asks for the page once more and exchanges what has another
// `data-state`, one piece at a time, so that nobody loses the place where they are.
(() => {
  "use strict";
  const POLL_SECONDS = 5; // while there is no stream
  const PATIENCE_SECONDS = 10; // as for a click
  const FIELDS = "select, textarea, input:not([type=hidden])";
  const COMMANDS = "a, button, summary";
  const streams = new Map();
  let polling = 0;
  let watched = null;
  let asking = false;
  let again = false;

  function watch() {
    if (document.hidden) return;
    const place = part(document);
    const wanted = place ? place.dataset.live : null;
    if (wanted === watched) return;
    leave();
    watched = wanted;
    if (watched === null) return;
    const addresses = watched.split(" ").filter(Boolean);
    if (!addresses.length || !window.EventSource) poll();
    else addresses.forEach(listen);
  }

  function listen(address) {
    const stream = new EventSource(address);
    streams.set(address, stream);
    stream.addEventListener("open", stopPolling);
    for (const kind of ["day", "notice"]) stream.addEventListener(kind, refresh);
    stream.addEventListener("error", () => {
      poll();
      // A stream that was refused does not come back by itself.
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(() => {
        if (streams.get(address) === stream) listen(address);
      }, POLL_SECONDS * 1000);
    });
  }

  function isStreamed() {
    const all = [...streams.values()];
    return all.length && all.every((stream) => stream.readyState === EventSource.OPEN);
  }

  function poll() {
    if (!polling) polling = setInterval(refresh, POLL_SECONDS * 1000);
  }

  function stopPolling() {
    clearInterval(polling);
    polling = 0;
  }

  function leave() {
    stopPolling();
    for (const stream of streams.values()) stream.close();
    streams.clear();
  }

  // One question at a time; what happens meanwhile is asked about once more afterwards.
  async function refresh() {
    again = true;
    if (asking) return;
    asking = true;
    try {
      while (again) {
        again = false;
        await exchange();
      }
      if (isStreamed()) stopPolling();
    } catch (_) {
      if (watched !== null) poll(); // until it succeeds
    } finally {
      asking = false;
    }
  }

  async function exchange() {
    const asked = address();
    const answer = await fetch(asked, {
      headers: { accept: "text/html", "hx-request": "true" }, // never led to the issuer
      signal: AbortSignal.timeout?.(PATIENCE_SECONDS * 1000),
    });
    const text = await answer.text();
    // Signed out: asking again would begin a sign-in each time, and spoil one that is under way.
    if (answer.headers.has("hx-redirect")) return leave();
    if (address() !== asked) return; // asked last: the person may have gone on
    if (!answer.ok) throw new Error(answer.status);
    const now = new DOMParser().parseFromString(text, "text/html");
    document.title = now.title;
    if (isAnother(now)) return whole(now);
    for (const fresh of now.querySelectorAll("[data-piece]")) {
      const old = document.querySelector(`[data-piece="${CSS.escape(fresh.dataset.piece)}"]`);
      if (!old) return whole(now);
      if (old.dataset.state !== fresh.dataset.state) replace(old, fresh);
    }
    for (const old of document.querySelectorAll("[data-piece]")) {
      const piece = CSS.escape(old.dataset.piece);
      if (!now.querySelector(`[data-piece="${piece}"]`)) replace(old, null);
    }
  }

  // Pieces that were not there before, or another day: the part is taken as it is now.
  function whole(now) {
    const [old, fresh] = [document, now].map(part);
    if (!old || !fresh) return;
    replace(old, fresh);
    watch();
  }

  function isAnother(now) {
    const [old, fresh] = [document, now].map(part);
    return old && fresh && old.dataset.live !== fresh.dataset.live;
  }

  function part(page) {
    return page.querySelector("[data-live]");
  }

  function address() {
    return location.href.split("#")[0];
  }

  function replace(old, fresh) {
    const hadFocus = old.contains(document.activeElement);
    if (!fresh) {
      if (hadFocus) announce(old.textContent.trim());
      const row = old.closest("tr");
      old.remove();
      if (row && !row.querySelector("[data-piece]")) row.remove(); // a time that nobody has now
      return;
    }
    const put = document.importNode(fresh, true);
    const was = document.activeElement;
    keepEntries(old, put);
    old.replaceWith(put);
    htmx.process(put);
    put.dispatchEvent(new Event("piece:replaced", { bubbles: true }));
    const title = put.querySelector("h1"); // another state of the whole page is told to everybody
    if (!hadFocus && !title) return;
    const words = (title || put).textContent.trim().replace(/\s+/g, " ");
    if (document.getElementById("announcer")?.textContent !== words) announce(words); // said once
    if (!hadFocus) return;
    const next = sameField(was, put) || title || sameCommand(was, put) || put;
    if (!next.matches(COMMANDS) && !next.matches(FIELDS)) next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }

  // What somebody has typed or chosen stays as they left it.
  function keepEntries(old, put) {
    for (const field of old.querySelectorAll(FIELDS)) {
      const same = sameField(field, put);
      if (!same) continue;
      same.value = field.value;
      same.checked = field.checked;
    }
  }

  function sameField(was, put) {
    return [...put.querySelectorAll(FIELDS)].find((each) => each.id && each.id === was.id);
  }

  // Never another command in the place of the one that had the focus: the next key would give it.
  function sameCommand(was, put) {
    const isSame = (each) => each.outerHTML === was.outerHTML;
    return [...put.querySelectorAll(COMMANDS)].find(isSame) || put.querySelector("a");
  }

  document.addEventListener("htmx:afterSettle", watch);
  // A browser opens only a few connections to a host: a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      leave();
      watched = null;
      return;
    }
    watch();
    if (watched !== null) refresh();
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    watched = null;
    watch();
    refresh();
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", watch);
  else watch();
})();
