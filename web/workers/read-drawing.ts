/**
 * Reads several symbols inside a worker. While one writes, most candidates are those of the last reading: their answers
 * are kept, so a stroke that grows costs only the candidates that it belongs to.
 */
import type { PreparedInput, RecognizerInput } from '#src/recognize/prepare-input.js';
import type { Recognition } from '#src/recognize/recognizer.js';
import {
  readSymbols,
  regroupSymbols,
  type SymbolReading,
  type SymbolRecognizer,
} from '#src/recognize/symbols/read-symbols.js';
import type { SymbolQuestion } from './protocol.js';

const rememberers = new WeakMap<SymbolRecognizer, Remembering>();

/** @throws UserError as readSymbols and regroupSymbols */
export async function readDrawing(
  recognizer: SymbolRecognizer,
  { strokes, corrections, change }: SymbolQuestion,
): Promise<SymbolReading> {
  const input = { kind: 'drawing', strokes } as const;
  if (change) return regroupSymbols(recognizer, input, change.reading, change.regrouping);
  const remembering = rememberers.get(recognizer) ?? new Remembering(recognizer);
  rememberers.set(recognizer, remembering);
  const reading = await readSymbols(remembering, input, { corrections });
  remembering.forgetUnused();
  return reading;
}

/** Answers inputs of the last reading from memory. */
class Remembering implements SymbolRecognizer {
  readonly info: SymbolRecognizer['info'];
  readonly #recognizer: SymbolRecognizer;
  /** Prepared inputs by their points. */
  #last = new Map<string, PreparedInput | null>();
  #now = new Map<string, PreparedInput | null>();
  readonly #answers = new WeakMap<PreparedInput, Recognition>();

  constructor(recognizer: SymbolRecognizer) {
    this.#recognizer = recognizer;
    this.info = recognizer.info;
  }

  prepare(input: RecognizerInput): PreparedInput | null {
    if (input.kind !== 'drawing') return this.#recognizer.prepare(input);
    const key = input.strokes.map(({ xs, ys }) => `${Array.from(xs)} ${Array.from(ys)}`).join('|');
    const known = this.#now.get(key) ?? this.#last.get(key);
    const prepared = known === undefined ? this.#recognizer.prepare(input) : known;
    this.#now.set(key, prepared);
    return prepared;
  }

  async recognizePrepared(prepared: readonly PreparedInput[]): Promise<Recognition[]> {
    const unknown = prepared.filter((each) => !this.#answers.has(each));
    const found = await this.#recognizer.recognizePrepared(unknown);
    unknown.forEach((each, n) => {
      this.#answers.set(each, found[n]);
    });
    return prepared.map((each) => this.#answers.get(each) as Recognition);
  }

  /** Keeps what was asked since the last call. */
  forgetUnused(): void {
    this.#last = this.#now;
    this.#now = new Map();
  }
}
