// The staff's keys: Escape goes to the search, arrows from time to time. Neither is a letter, so
// that nobody who dictates sets one off by speaking.
(() => {
  "use strict";
  const STEPS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const here = document.activeElement || document.body;
    if (here.matches("input, select, textarea")) return;
    const goes = event.key === "Escape" ? document.querySelector("[data-search]") : next(here, event.key);
    if (!goes) return;
    event.preventDefault();
    goes.focus();
  });

  // A day opens at what is now, unless an address says where.
  function openAtNow() {
    if (!location.hash) document.querySelector("[data-now]")?.scrollIntoView({ block: "center" });
  }
  document.addEventListener("DOMContentLoaded", openAtNow);

  function next(here, key) {
    const table = document.querySelector(".desk table");
    const step = STEPS[key];
    if (!table || !step) return null;
    const cell = here.closest("td");
    if (!cell) return here.matches("[data-focus]") && key === "ArrowDown" ? first(table) : null;
    const rows = [...table.tBodies[0].rows];
    let row = rows.indexOf(cell.parentElement) + step[0];
    let column = cell.cellIndex + step[1];
    while (rows[row]?.cells[column]?.matches("td")) {
      const found = rows[row].cells[column].querySelector("button, a");
      if (found) return found;
      row += step[0];
      column += step[1];
    }
    return null;
  }

  const first = (table) => table.querySelector("button.slot") || table.querySelector("a.slot");
})();
