/**
 * Recognises saved drawings in Node.js, for comparison with the page. A browser with relaxed SIMD uses fused
 * multiply-add, like the native kernels. A browser without it computes like the WASM kernels in Node.js. So the page's
 * answer must be bit-identical to one of the two. Without native kernels nothing in Node.js rounds like relaxed SIMD;
 * then an answer may differ by that rounding.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend } from 'scanstroke';
import { openRecognizer, type Recognition, type Recognizer } from '#src/recognize/recognizer.js';
import type { SavedDrawing } from './pen.js';

/** Float32 sums over a few dozen steps, each product rounded once instead of twice; found were up to 1e-7. */
const ROUNDING = 1e-5;

export class NodeRecognition {
  /** For each model, one recogniser per backend. */
  readonly #recognizers: Map<string, Recognizer[]>;

  readonly #tolerance: number;

  private constructor(recognizers: Map<string, Recognizer[]>, tolerance: number) {
    this.#recognizers = recognizers;
    this.#tolerance = tolerance;
  }

  /** @param site folder that `scanstroke page` wrote, with these models */
  static async open(site: string, models: readonly string[]): Promise<NodeRecognition> {
    const backends = [await openBackend('wasm'), await openBackend('auto', () => {})];
    return new NodeRecognition(
      new Map(
        models.map((name) => {
          const bytes = readFileSync(join(site, 'models', `${name}.safetensors`));
          return [name, backends.map((backend) => openRecognizer(bytes, backend, { name }))];
        }),
      ),
      backends[1].name === 'cpu' ? 0 : ROUNDING,
    );
  }

  /** Fails unless the saved answer equals that of Node.js. @returns the answer of Node.js */
  async check({ strokes, answers }: SavedDrawing, model: string, what = model): Promise<Recognition> {
    const lines = strokes.map(({ x, y }) => ({ xs: x, ys: y }));
    const saved = answers.find((answer) => answer.model === model)?.probabilities;
    const found: Recognition[] = [];
    for (const recognizer of this.#recognizers.get(model)!) {
      const [answer] = await recognizer.recognize([{ kind: 'drawing', strokes: lines }]);
      assert.ok(answer, `${what}: Node.js finds nothing to recognise`);
      if (
        answer.probabilities.every(
          (value, k) => Math.abs(value - (saved?.[k] ?? Infinity)) <= this.#tolerance,
        )
      )
        return answer;
      found.push(answer);
    }
    assert.deepEqual(saved, [...found[0].probabilities], what);
    return found[0];
  }

  /** The largest difference between the saved probabilities and those of the WASM backend. */
  async deviation({ strokes, answers }: SavedDrawing, model: string): Promise<number> {
    const lines = strokes.map(({ x, y }) => ({ xs: x, ys: y }));
    const saved = answers.find((answer) => answer.model === model)?.probabilities;
    const expected = await this.recognize(lines, model);
    assert.ok(saved && expected);
    return Math.max(...saved.map((value, k) => Math.abs(value - expected.probabilities[k])));
  }

  /** Recognises strokes with the WASM backend. */
  async recognize(
    strokes: readonly { xs: number[]; ys: number[] }[],
    model: string,
  ): Promise<Recognition | null> {
    return (await this.#recognizers.get(model)![0].recognize([{ kind: 'drawing', strokes }]))[0];
  }
}
