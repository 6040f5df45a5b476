// From a picture that somebody chose to ink on a board. Pure: arrays in, arrays out.

const FAINT = 0.25; // what is weaker than this share of the contrast is paper

/**
 * The ink (0–255) of the RGBA pixels of a picture of that width: its contrast stretched, dark strokes on light paper turned round, and what is
 * transparent taken for background. All zeros when the picture is of one shade.
 */
export function toInk(pixels, width) {
  const count = pixels.length / 4, grey = new Float64Array(count);
  let low = 255, high = 0;
  const light = backgroundIsLight(pixels, width);
  for (let i = 0; i < count; i += 1) {
    const alpha = pixels[4 * i + 3] / 255;
    const shade = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
    const value = light ? 255 - (shade * alpha + 255 * (1 - alpha)) : shade * alpha;
    grey[i] = value;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high - low < 16) return grey.fill(0);
  for (let i = 0; i < count; i += 1) {
    const share = (grey[i] - low) / (high - low);
    grey[i] = share < FAINT ? 0 : 255 * share;
  }
  return grey;
}

/** Whether the edge of a picture, where no digit is, is light; what is transparent says nothing. */
function backgroundIsLight(pixels, width) {
  const height = pixels.length / 4 / width, edge = [];
  for (let x = 0; x < width; x += 1) edge.push(x, (height - 1) * width + x);
  for (let y = 0; y < height; y += 1) edge.push(y * width, y * width + width - 1);
  let sum = 0, weight = 0;
  for (const i of edge) {
    const alpha = pixels[4 * i + 3] / 255;
    sum += alpha * (pixels[4 * i] + pixels[4 * i + 1] + pixels[4 * i + 2]) / 3;
    weight += alpha;
  }
  if (weight > 0) return sum / weight > 127;
  return !strokesAreLight(pixels); // a drawing on nothing: dark ink wants light paper
}

function strokesAreLight(pixels) {
  let sum = 0, weight = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    sum += pixels[i + 3] * (pixels[i] + pixels[i + 1] + pixels[i + 2]) / 3;
    weight += pixels[i + 3];
  }
  return weight > 0 && sum / weight > 127;
}
