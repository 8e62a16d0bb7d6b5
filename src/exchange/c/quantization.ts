/** Weights as 8-bit integers: every row of a matrix has a scale, and weight ≈ integer · scale. */

/** A quantised matrix. */
export interface QuantizedMatrix {
  /** [rows, columns] −127 to 127. */
  integers: Int8Array;
  /** [rows] the largest weight of each row, by magnitude, divided by 127. */
  scales: Float32Array;
}

const LARGEST = 127;

/**
 * Quantises a matrix symmetrically, row by row. A weight moves by half a scale at most, 1/254 of the row's largest.
 * @param values [rows, columns], finite
 */
export function quantizeRows(values: Float32Array, rows: number): QuantizedMatrix {
  const columns = values.length / rows;
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * columns;
    let largest = 0;
    for (let n = row * columns; n < end; n++) largest = Math.max(largest, Math.abs(values[n]));
    scales[row] = largest / LARGEST;
    const scale = scales[row];
    if (scale === 0) continue;
    for (let n = row * columns; n < end; n++) {
      integers[n] = Math.max(-LARGEST, Math.min(LARGEST, Math.round(values[n] / scale)));
    }
  }
  return { integers, scales };
}

/** Σ (weight − integer · scale)² of a matrix. */
export function squaredError(values: Float32Array, { integers, scales }: QuantizedMatrix): number {
  const columns = values.length / scales.length;
  return values.reduce(
    (sum, value, n) => sum + (value - integers[n] * scales[Math.floor(n / columns)]) ** 2,
    0,
  );
}
