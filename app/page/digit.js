// From a drawing to what the model was trained on: the digit scaled into 20×20, its centre of mass in the middle of
// 28×28, white on black. Pure: arrays in, arrays out.

const SIDE = 28;
const BOX = 20;

/** The 28×28 rows (0–255) of a square drawing of `size`² brightness values 0–255, or null when nothing is drawn. */
export function toModelInput(grey, size) {
  const ink = inkBox(grey, size);
  if (ink === null) return null;
  const scale = BOX / Math.max(ink.right - ink.left, ink.bottom - ink.top);
  const mass = centreOfMass(grey, size);
  const rows = [];
  for (let y = 0; y < SIDE; y += 1) {
    const row = [];
    for (let x = 0; x < SIDE; x += 1) {
      row.push(Math.round(average(grey, size, {
        left: mass.x + (x - SIDE / 2) / scale, right: mass.x + (x + 1 - SIDE / 2) / scale,
        top: mass.y + (y - SIDE / 2) / scale, bottom: mass.y + (y + 1 - SIDE / 2) / scale,
      })));
    }
    rows.push(row);
  }
  return rows;
}

function inkBox(grey, size) {
  const box = { left: size, right: 0, top: size, bottom: 0 };
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      if (grey[y * size + x] < 32) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box.right > box.left ? box : null;
}

function centreOfMass(grey, size) {
  let mass = 0, across = 0, down = 0;
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const value = grey[y * size + x];
      mass += value;
      across += value * (x + 0.5);
      down += value * (y + 0.5);
    }
  }
  return { x: across / mass, y: down / mass };
}

/** The mean brightness of a rectangle with fractional edges; beyond the drawing it is black. */
function average(grey, size, { left, right, top, bottom }) {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(size, Math.ceil(bottom)); y += 1) {
    const high = Math.min(y + 1, bottom) - Math.max(y, top);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(size, Math.ceil(right)); x += 1) {
      sum += high * (Math.min(x + 1, right) - Math.max(x, left)) * grey[y * size + x];
    }
  }
  return sum / ((right - left) * (bottom - top));
}
