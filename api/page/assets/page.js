// What every page does beyond its HTML: after a part of it was exchanged, focus goes where the
// person's eyes should go, and a page of another address begins at its top.
(() => {
  "use strict";
  let path = location.pathname;

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "page") return;
    if (location.pathname !== path) scrollTo(0, 0);
    path = location.pathname;
    const place = document.querySelector("[data-focus]") || document.querySelector("h1");
    if (!place) return;
    place.setAttribute("tabindex", "-1");
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  });

  // One voice for the whole page; it outlives every exchange.
  window.announce = (words) => {
    const voice = document.getElementById("announcer");
    if (voice && words) voice.textContent = words;
  };
})();
