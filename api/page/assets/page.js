// What every page does beyond its HTML: after a part of it was exchanged, focus goes where the
// person's eyes should go, and a page of another address begins at its top.
(() => {
  "use strict";
  let path = location.pathname;

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "page") return;
    say(document.querySelector("[data-announce]"));
    const isLost = !document.activeElement || document.activeElement === document.body;
    if (!event.detail.boosted && !isLost) return;
    if (location.pathname !== path) scrollTo(0, 0);
    path = location.pathname;
    const place = document.querySelector("[data-focus]") || document.querySelector("h1");
    if (!place) return;
    if (!place.matches("a, button, input, select, summary")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  });

  // A click that reached nobody must not look like one that did nothing. A command whose answer
  // was lost may have been carried out. That stays said until a page has come: whoever asks for
  // one in vain still does not know.
  const offline = (isSo) => (event) => {
    const note = document.getElementById("offline");
    const sent = note.querySelector("[data-sent]");
    const isInDoubt = !note.hidden && !sent.hidden;
    const isAsked = event.detail.requestConfig?.verb === "get" && !isInDoubt;
    note.querySelector("[data-asked]").hidden = !isAsked;
    sent.hidden = isAsked;
    note.hidden = !isSo;
  };
  document.addEventListener("htmx:sendError", offline(true));
  document.addEventListener("htmx:timeout", offline(true));
  document.addEventListener("htmx:afterSwap", offline(false));

  // A page that promised to ask again goes on asking: no answer of a fault takes its place.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const asks = event.detail.requestConfig?.elt;
    if (asks?.matches("[data-asks-again]") && event.detail.xhr.status >= 500) {
      event.detail.shouldSwap = false;
    }
  });

  function say(element) {
    if (element) announce(element.textContent.trim().replace(/\s+/g, " "));
  }

  // One voice for the whole page; it outlives every exchange.
  window.announce = (words) => {
    const voice = document.getElementById("announcer");
    if (voice && words) voice.textContent = words;
  };
})();
