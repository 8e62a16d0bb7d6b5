/** Protects elastic deformation: displacements are interpolated between the grid's nodes by Catmull–Rom, in x and y. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Displacement } from '#src/data/images/displacement.js';
import { SampleWords, STREAM, signedOf } from '#src/data/sample-words.js';

/** Nodes along a side: those of three cells, and one more beyond each end. */
const NODES = 6;

/** The definition: the cubic through p1 and p2 with the slopes (p2 − p0) / 2 and (p3 − p1) / 2. */
function cubic([p0, p1, p2, p3]: number[], t: number): number {
  const linear = (p2 - p0) * t;
  const square = (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t;
  return (2 * p1 + linear + square + (3 * p1 - p0 - 3 * p2 + p3) * t ** 3) / 2;
}

/** The surface at (x, y), counted in cells from the picture's corner. */
function surface(grid: number[], x: number, y: number): number {
  const [column, row] = [x, y].map((place) => Math.min(2, Math.floor(place)));
  const along = (j: number) => cubic(grid.slice(j * NODES + column, j * NODES + column + 4), x - column);
  return cubic(
    [0, 1, 2, 3].map((k) => along(row + k)),
    y - row,
  );
}

test('every pixel is displaced by the cubic surface through the random nodes', () => {
  for (const [width, height] of [
    [28, 28],
    [5, 40],
    [2, 1],
  ]) {
    const words = new SampleWords(3);
    words.begin(1, 2);
    const displacement = new Displacement(width, height);
    displacement.draw(words, 2.5);
    const buffer = new Int32Array(2 * NODES * NODES);
    words.fill(STREAM.elastic, buffer, buffer.length);
    const nodes = Array.from(buffer, (word) => 2.5 * signedOf(word));
    const [gridX, gridY] = [0, 1].map((axis) => nodes.filter((_, n) => n % 2 === axis));
    for (let y = 0; y < height; y++) {
      displacement.row(y);
      for (let x = 0; x < width; x++) {
        // A picture one pixel high is in the middle of the grid.
        const place = [(3 * x) / (width - 1), height > 1 ? (3 * y) / (height - 1) : 1.5] as const;
        // Both are computed in float64.
        assert.ok(Math.abs(displacement.dx[x] - surface(gridX, ...place)) < 1e-12, `dx of (${x}, ${y})`);
        assert.ok(Math.abs(displacement.dy[x] - surface(gridY, ...place)) < 1e-12, `dy of (${x}, ${y})`);
      }
    }
  }
});
