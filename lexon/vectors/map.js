"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const { words, places, near } = data;
const rowOf = new Map(words.map((word, row) => [word, row]));
const canvas = document.getElementById("map");
const pen = canvas.getContext("2d");
const view = { scale: 1, x: 0, y: 0 };
let chosen = null;
let waiting = false;

const language = (text) =>
  /[\u3040-\u30ff]/.test(text) ? "ja" : /\p{Script=Han}/u.test(text) ? "zh" : "";
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const screen = (row) =>
  [places[row][0] * view.scale + view.x, view.y - places[row][1] * view.scale];

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) {
    made.textContent = text;
    made.dir = "auto";
    if (language(text)) made.lang = language(text);
  }
  return Object.assign(made, attributes);
}

function showAll() {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [right, top] = [0, 1].map((axis) => Math.max(1, ...places.map((place) => place[axis])));
  view.scale = 0.9 * Math.min(width / right, height / top);
  view.x = (width - right * view.scale) / 2;
  view.y = (height + top * view.scale) / 2;
  draw();
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const bounded = Math.min(Math.max(view.scale * factor, 0.005), 20) / view.scale;
  view.x = x - (x - view.x) * bounded;
  view.y = y - (y - view.y) * bounded;
  view.scale *= bounded;
  draw();
}

function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    paint();
  });
}

/* Labels are written in the order of frequency, each where no other stands yet. */
function paint() {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const pixels = window.devicePixelRatio || 1;
  canvas.width = width * pixels;
  canvas.height = height * pixels;
  pen.setTransform(pixels, 0, 0, pixels, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "13px " + colour("--font");
  pen.textBaseline = "middle";
  const neighbours = new Set(chosen === null ? [] : near[chosen].map(([word]) => rowOf.get(word)));
  const first = [chosen, ...neighbours].filter((row) => row !== null && row !== undefined);
  const taken = new Set();
  const [ink, quiet, accent, second] =
    ["--ink", "--quiet", "--accent", "--second"].map(colour);
  for (const row of [...first, ...words.keys()]) {
    const [x, y] = screen(row);
    if (x < -200 || y < -20 || x > width + 20 || y > height + 20) continue;
    const marked = row === chosen || neighbours.has(row);
    pen.fillStyle = row === chosen ? accent : marked ? second : quiet;
    pen.beginPath();
    pen.arc(x, y, marked ? 4 : 1.8, 0, 7);
    pen.fill();
    const cells = cellsOf(x + 6, y, words[row]);
    if (cells.some((cell) => taken.has(cell))) continue;
    cells.forEach((cell) => taken.add(cell));
    pen.fillStyle = row === chosen ? accent : marked ? second : ink;
    pen.fillText(words[row], x + 6, y);
  }
}

function cellsOf(x, y, word) {
  const cells = [];
  const last = Math.floor((x + pen.measureText(word).width + 4) / 8);
  for (let column = Math.floor(x / 8); column <= last; column += 1) {
    for (const line of [Math.floor((y - 7) / 8), Math.floor(y / 8), Math.floor((y + 7) / 8)]) {
      cells.push(column * 100003 + line);
    }
  }
  return cells;
}

function choose(row, move = true) {
  chosen = row;
  const box = document.getElementById("chosen");
  const list = element("ol");
  for (const [word, cosine] of near[row]) {
    const item = element("li");
    item.append(element("span", cosine.toFixed(4)));
    item.append(rowOf.has(word) ? wordButton(rowOf.get(word)) : element("span", word));
    list.append(item);
  }
  box.replaceChildren(element("h2", words[row]), list);
  if (move) {
    const [x, y] = screen(row);
    view.x += canvas.clientWidth / 2 - x;
    view.y += canvas.clientHeight / 2 - y;
  }
  draw();
}

function wordButton(row) {
  const button = element("button", words[row], { type: "button" });
  button.addEventListener("click", () => choose(row));
  return button;
}

function matches(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const found = [[], [], []];
  words.forEach((word, row) => {
    const place = word.toLowerCase().indexOf(wanted);
    if (place >= 0) found[word.length === wanted.length ? 0 : place === 0 ? 1 : 2].push(row);
  });
  return found.flat().slice(0, 12);
}

const search = document.getElementById("search");
search.addEventListener("input", () => {
  const rows = matches(search.value);
  const items = rows.map((row) => {
    const item = element("li");
    item.append(wordButton(row));
    return item;
  });
  if (!items.length && search.value.trim()) items.push(element("li", "not on this map"));
  document.getElementById("found").replaceChildren(...items);
});
search.addEventListener("keydown", (event) => {
  const [row] = matches(search.value);
  if (event.key === "Enter" && row !== undefined) choose(row);
});

const fingers = new Map();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const now = [event.offsetX, event.offsetY];
  const other = [...fingers].find(([finger]) => finger !== event.pointerId)?.[1];
  moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
  fingers.set(event.pointerId, now);
  if (other) {
    const reach = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
    zoom(reach(now) / reach(before), other[0], other[1]);
    return;
  }
  view.x += now[0] - before[0];
  view.y += now[1] - before[1];
  draw();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    if (end === "pointerup" && moved < 5) pick(event.offsetX, event.offsetY);
  });
}

function pick(x, y) {
  let [best, least] = [null, 30];
  words.forEach((word, row) => {
    const [left, middle] = screen(row);
    const distance = Math.hypot(left + Math.min(Math.max(x - left, 0), 30) - x, middle - y);
    if (distance < least) [best, least] = [row, distance];
  });
  if (best !== null) choose(best, false);
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key in steps) {
    view.x += steps[event.key][0];
    view.y += steps[event.key][1];
    draw();
  } else return;
  event.preventDefault();
});
document.getElementById("in").addEventListener("click", () => zoom(1.4));
document.getElementById("out").addEventListener("click", () => zoom(1 / 1.4));
document.getElementById("whole").addEventListener("click", showAll);
window.addEventListener("resize", draw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
showAll();
