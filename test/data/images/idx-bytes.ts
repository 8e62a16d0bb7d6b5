/** Makes IDX files for tests, also invalid ones. */

/** An IDX file: element type code, dimensions and the bytes of its elements. */
export function idxBytes(code: number, shape: number[], elements: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + elements.length);
  bytes[2] = code;
  bytes[3] = shape.length;
  const view = new DataView(bytes.buffer);
  shape.forEach((dimension, i) => {
    view.setUint32(4 + 4 * i, dimension);
  });
  bytes.set(elements, 4 + 4 * shape.length);
  return bytes;
}

/** Images of uint8 whose elements are 0, 1, 2 … (mod 251). */
export function countingImages(shape: number[]): Uint8Array {
  const count = shape.reduce((product, n) => product * n, 1);
  return idxBytes(
    8,
    shape,
    Uint8Array.from({ length: count }, (_, i) => i % 251),
  );
}

export const labelBytes = (labels: number[]) => idxBytes(8, [labels.length], labels);
