/**
 * What Node.js says of the drawings that a page has saved. A browser with relaxed SIMD multiplies and adds in one
 * instruction, as the native kernels do; one without it computes as Node's WASM kernels do. So an answer of the page's
 * must be one of these two, bit for bit. On a machine without native kernels nothing in Node.js rounds as relaxed SIMD
 * does; there an answer may differ by that rounding.
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
  /** The same model on each backend. */
  readonly #recognizers: Map<string, Recognizer[]>;

  readonly #tolerance: number;

  private constructor(recognizers: Map<string, Recognizer[]>, tolerance: number) {
    this.#recognizers = recognizers;
    this.#tolerance = tolerance;
  }

  /** @param site a page's folder, with these models */
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

  /** Fails unless what the page said of a drawing is what Node.js says; gives that. */
  async check({ strokes, answers }: SavedDrawing, model: string, what = model): Promise<Recognition> {
    const lines = strokes.map(({ x, y }) => ({ xs: x, ys: y }));
    const said = answers.find((answer) => answer.model === model)?.probabilities;
    const found: Recognition[] = [];
    for (const recognizer of this.#recognizers.get(model)!) {
      const [answer] = await recognizer.recognize([{ kind: 'drawing', lines }]);
      assert.ok(answer, `${what}: Node.js finds nothing to recognise`);
      if (
        answer.probabilities.every((value, k) => Math.abs(value - (said?.[k] ?? Infinity)) <= this.#tolerance)
      )
        return answer;
      found.push(answer);
    }
    assert.deepEqual(said, [...found[0].probabilities], what);
    return found[0];
  }

  /** Of a drawing that no page has seen. */
  async recognize(
    lines: readonly { xs: number[]; ys: number[] }[],
    model: string,
  ): Promise<Recognition | null> {
    return (await this.#recognizers.get(model)![0].recognize([{ kind: 'drawing', lines }]))[0];
  }
}
