// The page: draws on the board, asks the service at most once at a time, shows its answer.
import { toModelInput } from "./digit.js";
import { toInk } from "./upload.js";

const PEN = 22; // board pixels: scaled into 20×20 it is the two to three pixels of a digit in the training set
const STEP = 8;
const board = document.getElementById("board");
const ink = board.getContext("2d", { willReadFrequently: true });
const size = board.width;
const at = (id) => document.getElementById(id);
const bars = Array.from({ length: 10 }, (_, digit) => addBar(digit));

let pen = null; // where the pointer last drew
let cursor = { x: size / 2, y: size / 4, shown: false }; // where the keyboard's pen is
let drawing = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
drawing.canvas.width = drawing.canvas.height = size;
let asking = false, changed = false, generation = 0;

function addBar(digit) {
  const row = document.createElement("li");
  const [name, meter, fill, share] = ["span", "div", "div", "span"].map((tag) => document.createElement(tag));
  name.textContent = digit;
  meter.className = "meter";
  const about = { role: "meter", "aria-label": `Digit ${digit}`, "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0 };
  Object.entries(about).forEach(([key, value]) => meter.setAttribute(key, value));
  meter.append(fill);
  share.textContent = "0 %";
  row.append(name, meter, share);
  at("bars").append(row);
  return { row, meter, share };
}

function line(from, to) {
  drawing.strokeStyle = "#fff";
  drawing.lineWidth = PEN;
  drawing.lineCap = drawing.lineJoin = "round";
  drawing.beginPath();
  drawing.moveTo(from.x, from.y);
  // Of a line without a length not even the round ends are drawn; a click shall leave a dot.
  drawing.lineTo(to.x, to.y + (from.x === to.x && from.y === to.y ? 0.01 : 0));
  drawing.stroke();
  paint();
  ask();
}

function paint() {
  ink.clearRect(0, 0, size, size);
  ink.drawImage(drawing.canvas, 0, 0);
  if (!cursor.shown) return;
  ink.strokeStyle = "#ffb347";
  ink.lineWidth = 2;
  ink.beginPath();
  ink.arc(cursor.x, cursor.y, PEN / 2, 0, 2 * Math.PI);
  ink.stroke();
}

function clear() {
  drawing.clearRect(0, 0, size, size);
  generation += 1; // an answer that is still under way belongs to the old drawing
  changed = false;
  paint();
  show(null, "Nothing drawn yet.");
  at("seen").getContext("2d").clearRect(0, 0, 28, 28);
}

async function take(file) {
  clear();
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return show(null, `${file.name} is no picture that this browser can read.`);
  }
  const sheet = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  const scale = size / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((length) => Math.max(1, Math.round(length * scale)));
  const [left, top] = [width, height].map((length) => Math.floor((size - length) / 2));
  pen.drawImage(picture, left, top, width, height);
  const inside = pen.getImageData(left, top, width, height);
  const shades = toInk(inside.data, width);
  inside.data.forEach((_, i) => { inside.data[i] = i % 4 === 3 ? shades[(i - 3) / 4] : 255; });
  drawing.putImageData(inside, left, top);
  paint();
  if (modelInput() === null) return show(null, `There is no digit to be seen in ${file.name}.`);
  return ask();
}

function modelInput() {
  const pixels = drawing.getImageData(0, 0, size, size).data;
  const grey = new Float64Array(size * size);
  for (let i = 0; i < grey.length; i += 1) grey[i] = pixels[4 * i + 3];
  return toModelInput(grey, size);
}

async function ask() {
  changed = true;
  if (asking) return;
  asking = true;
  while (changed) {
    changed = false;
    await new Promise(requestAnimationFrame);
    const inputs = modelInput(), asked = generation;
    if (inputs === null) break;
    showSeen(inputs);
    const [answer, reason] = await predict(inputs);
    if (asked === generation) show(answer, reason);
  }
  asking = false;
}

async function predict(inputs) {
  try {
    const answer = await fetch("predict", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ inputs }),
    });
    const document = await answer.json();
    return answer.ok ? [document, ""] : [null, document.detail];
  } catch {
    return [null, "The service does not answer."];
  }
}

function show(answer, reason) {
  at("verdict").classList.toggle("failed", answer === null && reason !== "Nothing drawn yet.");
  at("digit").textContent = answer === null ? "–" : answer.prediction;
  at("sure").textContent = answer === null ? reason : `${percent(answer.probability)} sure`;
  bars.forEach(({ row, meter, share }, digit) => {
    const probability = answer === null ? 0 : answer.probabilities[digit];
    meter.setAttribute("aria-valuenow", probability);
    meter.firstChild.style.width = `${100 * probability}%`;
    share.textContent = percent(probability);
    row.classList.toggle("best", answer !== null && digit === answer.prediction);
  });
  at("latency").textContent = answer === null ? "–" : `${answer.latency_ms.toFixed(2)} ms`;
  if (answer !== null) at("model").textContent = answer.model;
}

function percent(share) {
  return `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
}

function showSeen(rows) {
  const image = new ImageData(28, 28);
  rows.flat().forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  at("seen").getContext("2d").putImageData(image, 0, 0);
}

function place(event) {
  const frame = board.getBoundingClientRect();
  return { x: (event.clientX - frame.left) * size / frame.width, y: (event.clientY - frame.top) * size / frame.height };
}

board.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  board.setPointerCapture(event.pointerId);
  cursor.shown = false;
  pen = place(event);
  line(pen, pen);
});
board.addEventListener("pointermove", (event) => {
  if (pen === null) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) {
    const next = place(part);
    line(pen, next);
    pen = next;
  }
});
for (const end of ["pointerup", "pointercancel"]) board.addEventListener(end, () => { pen = null; });

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let penDown = false;
const inside = (value) => Math.min(size - PEN / 2, Math.max(PEN / 2, value));
board.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return clear();
  if (event.key !== " " && !(event.key in MOVES)) return undefined;
  event.preventDefault();
  const from = { ...cursor };
  cursor.shown = true;
  if (event.key === " ") penDown = true;
  const [across, down] = MOVES[event.key] ?? [0, 0];
  cursor.x = inside(cursor.x + STEP * across);
  cursor.y = inside(cursor.y + STEP * down);
  return penDown ? line(from, cursor) : paint();
});
board.addEventListener("keyup", (event) => { if (event.key === " ") penDown = false; });
board.addEventListener("blur", () => { penDown = false; cursor.shown = false; paint(); });
at("clear").addEventListener("click", clear);
at("picture").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = ""; // so that the same file can be chosen again
  if (file) take(file);
});

async function introduce() {
  try {
    const version = await (await fetch("version")).json();
    at("model").textContent = version.model ?? "none";
    at("commit").textContent = version.commit === null ? "unknown" : version.commit.slice(0, 12);
    at("commit").title = version.commit ?? "";
    const ready = await (await fetch("readyz")).json();
    if (!ready.ready) show(null, ready.reason);
    else await introduceAccuracy();
  } catch {
    show(null, "The service does not answer.");
  }
}

async function introduceAccuracy() {
  const { test } = await (await fetch("model")).json();
  if (test?.accuracy) at("accuracy").textContent = `${(100 * test.accuracy).toFixed(2)} % of ${test.examples.toLocaleString("en")} test images`;
}
introduce();
