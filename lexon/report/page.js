"use strict";

const numberOf = (cell) => {
  const text = cell.dataset.value ?? cell.textContent.trim();
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : null;
};

/* Numbers: largest first; texts: in order of the alphabet. A second click turns it round. */
function sortBy(table, place, header) {
  const numeric = header.classList.contains("n");
  const [usual, turned] = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
  const order = header.getAttribute("aria-sort") === usual ? turned : usual;
  const compare = (a, b) => {
    const [x, y] = [a.cells[place], b.cells[place]];
    if (!numeric) return x.textContent.trim().localeCompare(y.textContent.trim());
    return (numberOf(x) ?? -Infinity) - (numberOf(y) ?? -Infinity) || 0;
  };
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => sign * compare(a, b));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, place) => {
    if (header.classList.contains("unsorted")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sortBy(table, place, header));
  });
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function language(made, text) {
  made.dir = "auto";
  if (/[\u3040-\u30ff]/.test(text)) made.lang = "ja";
  else if (/\p{Script=Han}/u.test(text)) made.lang = "zh";
  return made;
}

function sentence([row, text, probability]) {
  const shown = 400;
  const item = element("li");
  const sure = probability === null ? "" : `, probability ${probability.toFixed(4)}`;
  item.append(element("span", `row ${row}${sure}`, "quiet"));
  if (text.trim() === "") {
    item.append(element("span", "(empty)", "quiet"));
  } else if (text.length <= shown) {
    item.append(language(element("span", text), text));
  } else {
    const long = language(element("details", undefined, "long"), text);
    const summary = element("summary");
    summary.append(element("span", `${text.slice(0, shown).trimEnd()}…`, "short"));
    summary.append(element("span", "", "hint"));
    long.append(summary, text);
    item.append(long);
  }
  return item;
}

function showSentences(data, panel, button) {
  const [truth, predicted] = button.dataset.cell.split("-").map((place) => data.labels[place]);
  const found = data.sentences[button.dataset.cell];
  const count = Number(button.dataset.count);
  const some = found.length < count ? `, ${found.length} of them here` : "";
  const rows = `${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}${some}`;
  const list = element("ol");
  list.tabIndex = 0;
  list.append(...found.map(sentence));
  panel.replaceChildren(element("h3", `Truth ${truth}, predicted ${predicted}: ${rows}`), list);
  for (const other of document.querySelectorAll("button[data-cell]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
}

const stored = document.getElementById("confusion-data");
if (stored) {
  const data = JSON.parse(stored.textContent);
  const panel = document.getElementById("sentences");
  const buttons = [...document.querySelectorAll("button[data-cell]")];
  for (const button of buttons) {
    button.addEventListener("click", () => showSentences(data, panel, button));
  }
  const wrong = buttons.filter((button) => button.parentElement.classList.contains("wrong"));
  wrong.sort((a, b) => Number(b.dataset.count) - Number(a.dataset.count));
  if (wrong.length > 0) showSentences(data, panel, wrong[0]);
}

const copy = document.getElementById("copy");
if (copy) {
  const command = document.getElementById("command");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch {
      getSelection().selectAllChildren(command);
      document.execCommand("copy");
    }
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
}
