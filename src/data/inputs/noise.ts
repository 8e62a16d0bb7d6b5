/**
 * Removes from a picture what is no line of a pen: the grain of a camera, salt and pepper, specks. A picture without
 * any of it is returned as it is.
 */
import { boxOf, type Ink, penWidth } from './ink.js';

/** Pixels with less than this share of ink around them are paper. */
const PAPER_BELOW = 0.4;
/** Grain with a smaller standard deviation is left alone. */
const LEAST_GRAIN = 0.012;
/** With more grain than this, the darkest pixel may be grain. */
const HEAVY_GRAIN = 0.15;
/** Fewer pixels of paper, as a share of all, tell nothing about the grain. */
const LEAST_PAPER = 0.1;
/** The mean of 3 × 3 pixels of grain, of which the darkest pixel of the picture is full ink, is below. */
const GRAIN_MEAN = 0.65;
/** The upper quartile of normal noise that is cut off below its median, in standard deviations. */
const QUARTILE = 0.6745;
/** The mean of the same noise. */
const CUT_MEAN = 0.3989;
/** Where there was grain, lighter pixels are paper: this share of ink, and what smoothing leaves of the grain. */
const EDGE = 0.2;
/** In standard deviations of the grain. */
const SMOOTHED = 0.4;
/** Lines have a pixel with at least this share of ink. */
const DARK = 0.2;
/** The same where there was grain, in standard deviations of the grain. */
const CERTAIN = 2.5;
/** Pixels with more ink than this belong together if they are neighbours. */
const CONNECTED = 0.05;
/** A speck has at most this much ink, in squares of the pen's width, and this share of the largest component. */
const SPECK = 0.6;
const SPECK_OF_MANY = 1.2;
const SPECK_SHARE = 0.15;
/** So many specks are salt and pepper. */
const MANY = 4;
/** Side of MNIST's figures. */
const FIGURE = 20;

/** A picture without noise. */
export interface Cleaned {
  ink: Ink;
  /** There was so much noise that the edges of lines are uncertain. */
  wasNoisy: boolean;
}

/** Removes grain, then specks. */
export function withoutNoise(ink: Ink): Cleaned {
  const grain = grainOf(ink);
  if ((grain === null || grain > HEAVY_GRAIN) && isNothingButGrain(ink)) return emptied(ink);
  if (grain === null) return withoutSpecks(ink);
  const hadGrain = grain >= LEAST_GRAIN;
  const { ink: clean, wasNoisy } = withoutSpecks(hadGrain ? smoothed(ink, grain) : ink);
  return { ink: clean, wasNoisy: wasNoisy || hadGrain };
}

/**
 * The standard deviation of the paper, as a share of ink. Only the upper half of its values is known.
 * @returns null if there is too little paper to tell
 */
export function grainOf({ width, height, values }: Ink): number | null {
  const counts = new Int32Array(256);
  let count = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      let most = 0;
      for (let row = i - width; row <= i + width; row += width) {
        most = Math.max(most, values[row - 1], values[row], values[row + 1]);
      }
      if (most >= PAPER_BELOW) continue;
      counts[Math.floor(values[i] * 255)]++;
      count++;
    }
  }
  if (count < LEAST_PAPER * values.length) return null;
  let quartile = 0;
  for (let passed = counts[0]; passed <= 0.75 * count; passed += counts[quartile]) quartile++;
  return quartile / 255 / QUARTILE;
}

/** Whether no 3 × 3 pixels together are dark: the darkest pixels of a picture without a figure are grain. */
function isNothingButGrain({ width, height, values }: Ink): boolean {
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      let sum = 0;
      for (let row = (y - 1) * width + x; row <= (y + 1) * width + x; row += width) {
        sum += values[row - 1] + values[row] + values[row + 1];
      }
      if (sum > 9 * GRAIN_MEAN) return false;
    }
  }
  return width >= 3 && height >= 3;
}

function emptied({ width, height, values }: Ink): Cleaned {
  return { ink: { width, height, values: new Float32Array(values.length) }, wasNoisy: true };
}

/**
 * Smooths where the picture varies no more than its grain does (Lee 1980, the adaptive Wiener filter over 3 × 3 pixels),
 * subtracts what the grain adds to the paper, and removes what is not connected to a line.
 */
function smoothed({ width, height, values }: Ink, grain: number): Ink {
  const result = new Float32Array(values.length);
  const floor = CUT_MEAN * grain;
  for (let y = 0; y < height; y++) {
    const [top, bottom] = [Math.max(0, y - 1), Math.min(height - 1, y + 1)];
    for (let x = 0; x < width; x++) {
      const [left, right] = [Math.max(0, x - 1), Math.min(width - 1, x + 1)];
      let [sum, squares] = [0, 0];
      for (let v = top; v <= bottom; v++) {
        for (let u = left; u <= right; u++) {
          const value = values[v * width + u];
          sum += value;
          squares += value * value;
        }
      }
      const count = (bottom - top + 1) * (right - left + 1);
      const mean = sum / count;
      const variance = squares / count - mean * mean;
      const gain = variance > grain * grain ? 1 - (grain * grain) / variance : 0;
      const value = mean + gain * (values[y * width + x] - mean);
      result[y * width + x] = Math.max(0, (value - floor) / (1 - floor));
    }
  }
  const picture = { width, height, values: result };
  const { components, labels } = componentsOf(picture, EDGE + SMOOTHED * grain);
  const dark = Math.max(DARK, CERTAIN * grain);
  for (let i = 0; i < result.length; i++) {
    if (labels[i] > 0 ? components[labels[i] - 1].darkest < dark : !besideLine(labels, i, width))
      result[i] = 0;
  }
  return picture;
}

interface Component {
  mass: number;
  darkest: number;
}

/** Components of the pixels above a share of ink, by eight neighbours. Labels count from 1; 0 is paper. */
function componentsOf(
  { width, height, values }: Ink,
  above: number,
): { components: Component[]; labels: Int32Array } {
  const labels = new Int32Array(values.length);
  const stack = new Int32Array(values.length);
  const components: Component[] = [];
  for (let start = 0; start < values.length; start++) {
    if (values[start] <= above || labels[start] !== 0) continue;
    const label = components.length + 1;
    const component = { mass: 0, darkest: 0 };
    components.push(component);
    let size = 0;
    stack[size++] = start;
    labels[start] = label;
    while (size > 0) {
      const i = stack[--size];
      component.mass += values[i];
      if (values[i] > component.darkest) component.darkest = values[i];
      const x = i % width;
      const [left, right] = [x > 0 ? -1 : 0, x + 1 < width ? 1 : 0];
      for (let row = i - width; row <= i + width; row += width) {
        if (row < 0 || row >= width * height) continue;
        for (let j = row + left; j <= row + right; j++) {
          if (labels[j] !== 0 || values[j] <= above) continue;
          labels[j] = label;
          stack[size++] = j;
        }
      }
    }
  }
  return { components, labels };
}

/** Removes components that are small beside the pen's width and the largest component. */
function withoutSpecks(ink: Ink): Cleaned {
  const { components, labels } = componentsOf(ink, CONNECTED);
  if (components.length < 2) return { ink, wasNoisy: false };
  let largest = 0;
  components.forEach(({ mass }, n) => {
    if (mass > components[largest].mass) largest = n;
  });
  const figure = { ...ink, values: new Float32Array(ink.values.length) };
  for (let i = 0; i < labels.length; i++) if (labels[i] === largest + 1) figure.values[i] = ink.values[i];
  const pen = penWidth(figure);
  const { left, top, right, bottom } = boxOf(figure, CONNECTED)!;
  const pixel = (Math.max(right - left, bottom - top) / FIGURE) ** 2;
  const most = SPECK_SHARE * components[largest].mass;
  const few = Math.min(most, SPECK * pen ** 2);
  const isMany = components.reduce((count, { mass }) => count + Number(mass <= few), 0) >= MANY;
  const limit = isMany ? Math.min(most, Math.max(SPECK_OF_MANY * pen ** 2, 3 * pixel)) : few;
  const isLine = components.map(({ mass, darkest }) => mass > limit && darkest >= DARK);
  if (isLine.every((yes) => yes)) return { ink, wasNoisy: false };
  const values = ink.values.slice();
  for (let i = 0; i < values.length; i++) {
    if (labels[i] === 0 ? !touches(isLine, labels, i, ink.width) : !isLine[labels[i] - 1]) values[i] = 0;
  }
  const result = { ...ink, values };
  return { ink: isMany ? withoutImpulses(result) : result, wasNoisy: isMany };
}

/** Whether a pixel has a neighbour that is part of a line. */
function touches(isLine: readonly boolean[], labels: Int32Array, i: number, width: number): boolean {
  const x = i % width;
  for (let row = i - width; row <= i + width; row += width) {
    for (let j = x > 0 ? row - 1 : row; j <= (x + 1 < width ? row + 1 : row); j++) {
      if (labels[j] > 0 && isLine[labels[j] - 1]) return true;
    }
  }
  return false;
}

/**
 * Replaces pixels of full ink with few dark neighbours (salt beside a line), and of none with few light neighbours
 * (pepper in a line) by the median of 3 × 3 pixels.
 */
function withoutImpulses({ width, height, values }: Ink): Ink {
  const result = values.slice();
  const around = new Float32Array(9);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const isSalt = values[i] > 0.95;
      if (!isSalt && values[i] > 0.05) continue;
      let others = 0;
      for (let k = 0; k < 9; k++) {
        around[k] = values[i + (Math.floor(k / 3) - 1) * width + (k % 3) - 1];
        if (k !== 4 && around[k] > 0.25 !== isSalt) others++;
      }
      if (others >= 5 && Math.abs(values[i] - around.sort()[4]) > 0.4) result[i] = around[4];
    }
  }
  return { width, height, values: result };
}

function besideLine(labels: Int32Array, i: number, width: number): boolean {
  return labels[i - 1] > 0 || labels[i + 1] > 0 || labels[i - width] > 0 || labels[i + width] > 0;
}
