// Counts a hold down by the server's word of how long it lasts, never by this machine's clock;
// says so at five minutes, one minute and twenty seconds; asks the server what is at the end.
(() => {
  "use strict";
  const SAID_AT = [300, 60, 20];
  const AGAIN_SECONDS = 2; // while the server says that it is not over yet
  let ticking = 0;
  let ends = 0;

  const left = () => Math.max(0, (ends - performance.now()) / 1000);
  const written = (seconds) =>
    `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

  function ask(box) {
    htmx.ajax("GET", box.dataset.page, { target: "#page", select: "#page", swap: "outerHTML" });
  }

  function begin() {
    clearInterval(ticking);
    const box = document.querySelector("[data-lasts]");
    if (!box) return;
    const clock = box.querySelector("[role=timer]");
    const bar = box.querySelector("progress");
    let said = Number(box.dataset.lasts);
    ends = performance.now() + said * 1000;

    function show() {
      const seconds = Math.ceil(left());
      clock.textContent = written(seconds);
      bar.value = seconds;
      box.classList.toggle("soon", seconds <= 60);
      box.classList.toggle("last", seconds <= 20);
      const word = SAID_AT.filter((mark) => seconds <= mark && mark < said).pop();
      if (word) announce(box.dataset[`say${word}`]);
      said = Math.min(said, seconds);
      if (seconds > 0) return;
      clearInterval(ticking);
      announce(box.dataset.say0);
      setTimeout(() => ask(box), Number(box.dataset.lasts) < 1 ? AGAIN_SECONDS * 1000 : 300);
    }

    box.querySelector("[data-uncounted]").hidden = true;
    clock.hidden = false;
    show();
    ticking = setInterval(show, 250);
  }

  // A machine that slept, or a page that comes back from history, has to ask what is now.
  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    const box = document.querySelector("[data-lasts]");
    if (document.hidden) hiddenAt = Date.now();
    else if (box && Date.now() - hiddenAt > 5000) ask(box);
  });
  addEventListener("pageshow", (event) => {
    const box = document.querySelector("[data-lasts]");
    if (event.persisted && box) ask(box);
  });
  document.addEventListener("htmx:afterSettle", begin);
  document.addEventListener("piece:replaced", begin);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
