/* Sorts and filters the tables of this page. It asks nothing of the network and makes no HTML of any text. */
"use strict";
const said = document.querySelector("main").dataset;
const words = {};  // what a state is called, by its class
for (const state of document.querySelectorAll(".legend span")) words[state.classList[0]] = state.textContent;
const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

const textOf = cell => cell ? cell.textContent.trim() : "";
const numberOf = text => {
  const found = text.replace("\u2212", "-").match(/^[(+]?(-?\d+(\.\d+)?)/);
  return found ? Number(found[1]) : null;
};

function sortBy(table, place, button) {
  const head = button.parentElement;
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = Array.from(table.tBodies[0].rows, row => {
    const cell = row.cells[place], text = textOf(cell);
    return { row, text, number: cell && cell.tagName === "TD" ? numberOf(text) : null };
  });
  const isCounted = rows.some(item => item.number !== null);
  const order = (a, b) => isCounted ? a.number - b.number : collator.compare(a.text, b.text);
  /* in a column of numbers, what has none stands below, whichever way */
  const isLast = item => isCounted && item.number === null ? 1 : 0;
  rows.sort((a, b) => isLast(a) - isLast(b) || (down ? -1 : 1) * order(a, b));
  table.tBodies[0].append(...rows.map(item => item.row));
}

function makeSortable(table) {
  Array.from(table.tHead.rows[0].cells).forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, place, button));
    head.append(button);
  });
}

function makeFilter(table) {
  const rows = Array.from(table.tBodies[0].rows);
  if (rows.length < 10) return;
  const box = document.createElement("p"), label = document.createElement("label");
  const input = document.createElement("input"), shown = document.createElement("span");
  box.className = "filter";
  input.type = "search";
  input.autocomplete = "off";
  shown.setAttribute("role", "status");
  label.append(said.filter, input);
  box.append(label, shown);
  table.parentElement.before(box);
  let texts = null;
  input.addEventListener("input", () => {
    texts ??= rows.map(row =>
      Array.from(row.cells, cell => `${textOf(cell)} ${words[cell.classList[0]] ?? ""}`).join(" ").toLowerCase());
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, place) => {
      row.hidden = !wanted.every(word => texts[place].includes(word));
      count += row.hidden ? 0 : 1;
    });
    shown.textContent = wanted.length ? said.shown.replace("#", count).replace("#", rows.length) : "";
  });
}

for (const table of document.querySelectorAll("table.sorts")) {
  makeSortable(table);
  makeFilter(table);
}
