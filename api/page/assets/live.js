// Keeps the parts of a page that others change as they are now: `data-live` names a stream of
// server-sent events. Each event asks for the page once more and exchanges what has another
// `data-state`, one piece at a time, so that nobody loses the place where they are.
(() => {
  "use strict";
  const POLL_SECONDS = 5; // while there is no stream
  let stream = null;
  let polling = 0;
  let address = "";
  let asking = false;
  let again = false;

  function watch() {
    const place = document.querySelector("[data-live]");
    const wanted = place ? place.dataset.live : "";
    if (wanted === address && (stream || polling || !wanted)) return;
    leave();
    address = wanted;
    if (wanted) listen();
  }

  function listen() {
    if (!window.EventSource) return poll();
    stream = new EventSource(address);
    stream.addEventListener("open", stopPolling);
    for (const kind of ["day", "notice"]) stream.addEventListener(kind, refresh);
    stream.addEventListener("error", () => {
      poll();
      // A stream that was refused does not come back by itself.
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(() => { if (!stream && address) listen(); }, POLL_SECONDS * 1000);
      }
    });
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
    if (stream) stream.close();
    stream = null;
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
    } catch (_) {
      poll();
    } finally {
      asking = false;
    }
  }

  async function exchange() {
    const asked = location.href;
    const answer = await fetch(asked, { headers: { accept: "text/html" } });
    if (!answer.ok || location.href !== asked) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
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

  // Pieces that were not there before: the part is taken as it is now.
  function whole(now) {
    const [old, fresh] = [document, now].map((each) => each.querySelector("[data-live]"));
    if (old && fresh) replace(old, fresh);
  }

  function replace(old, fresh) {
    const hadFocus = old.contains(document.activeElement);
    if (!fresh) {
      if (hadFocus) announce(old.textContent.trim());
      old.remove();
      return;
    }
    const put = document.importNode(fresh, true);
    old.replaceWith(put);
    htmx.process(put);
    if (!hadFocus) return;
    const next = put.querySelector("a, button, input") || put;
    if (next === put) put.tabIndex = -1;
    next.focus({ preventScroll: true });
    announce(put.textContent.trim().replace(/\s+/g, " "));
  }

  document.addEventListener("htmx:afterSettle", watch);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) { address = ""; watch(); refresh(); } });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", watch);
  else watch();
})();
