/**
 * A classifier that reads one sequence a step at a time, as a pen draws it: the states are carried along, so that a
 * step costs the same however long the sequence has become. After n steps the logits are those of
 * `SequenceClassifier.forward` on the first n steps: bit for bit, but for the rounding of the sum in the head `mean`.
 */
import { Allocations } from '../backends/allocations.js';
import type { Backend, LinearForward, LstmForward, Stored } from '../backends/backend.js';
import { UserError } from '../user-error.js';
import { featuresOf, layerInputSize, type ResolvedClassifierConfig } from './classifier-config.js';

/** The classifier's own buffers, shared with its steppers, so that steppers see new parameters. */
export interface SteppedModel {
  config: ResolvedClassifierConfig;
  backend: Backend;
  /** [layer] the panels of the present parameters; the same buffers in every call. */
  panels(): readonly Stored[];
  /** fc.weight [K, F] and fc.bias [K] */
  weight: Float32Array;
  bias: Float32Array;
}

/** Hidden and cell states after a step, layer by layer, and, for the head `mean`, the sum of the outputs so far. */
interface States {
  /** [L, H] */ hidden: Float32Array;
  /** [L, H] */ cells: Float32Array;
  /** [H] */ sum: Float64Array;
}

/**
 * A step from one of two states to the other. The arguments of its verbs are made once: making the views of
 * buffers takes longer than computing a step.
 */
interface Turn {
  from: States;
  to: States;
  layers: LstmForward[];
  head: LinearForward;
}

/**
 * Reads one sequence a step at a time; `SequenceClassifier.stepper` makes it. A step costs the same however long the
 * sequence has become. `close` frees its memory.
 *
 * @example
 * import { openBackend, SequenceClassifier } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const model = new SequenceClassifier({ inputSize: 4, hiddenSize: 32, numClasses: 10 }, backend);
 * const stepper = model.stepper();
 * const moves = [[5, 3, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]];
 * for (const move of moves) console.log(stepper.step(move)); // logits [10] of the moves so far
 * stepper.reset(); // for the next sequence
 * stepper.close();
 */
export class SequenceStepper implements Disposable {
  readonly #model: SteppedModel;
  readonly #input: Float32Array;
  /** [H] of the last layer's outputs so far, for the head `mean`. */
  readonly #mean: Float32Array;
  readonly #logits: Float32Array;
  #turn: Turn;
  #nextTurn: Turn;
  readonly #memory: Allocations;
  #steps = 0;
  #closed = false;

  /** @throws UserError for a model that reads sequences from their end too, or all steps at once */
  constructor(model: SteppedModel) {
    const { config, backend } = model;
    requireSteppable(config);
    const { hiddenSize: H, numLayers: L } = config;
    const lengths = Array.from({ length: L }, (_, layer) =>
      backend.lstmScratchLength(1, layerInputSize(config, layer), H, false),
    );
    this.#model = model;
    const memory = new Allocations(backend);
    this.#memory = memory;
    const buffers = memory.orRelease(() => ({
      input: memory.floats(config.inputSize),
      mean: memory.floats(H),
      logits: memory.floats(config.numClasses),
      states: [0, 1].map(() => ({
        hidden: memory.floats(L * H),
        cells: memory.floats(L * H),
        sum: new Float64Array(H),
      })),
      batchSizes: memory.ints(1).fill(1),
      scratch: memory.floats(Math.max(...lengths)),
    }));
    this.#input = buffers.input;
    this.#mean = buffers.mean;
    this.#logits = buffers.logits;
    const [even, odd] = buffers.states;
    [this.#turn, this.#nextTurn] = memory.orRelease(() => [
      this.#turnOf(even, odd, buffers),
      this.#turnOf(odd, even, buffers),
    ]);
  }

  /** Steps since the beginning of the sequence. */
  get steps(): number {
    return this.#steps;
  }

  /** The hidden states [L, H] after the last step; overwritten by the step after the next. */
  get hidden(): Float32Array {
    this.#requireOpen();
    return this.#turn.from.hidden;
  }

  /** Begins a new sequence. */
  reset(): void {
    this.#requireOpen();
    this.#steps = 0;
    const { hidden, cells, sum } = this.#turn.from;
    for (const values of [hidden, cells, sum]) values.fill(0);
  }

  /**
   * Reads the next step.
   * @param input [I] the features of the step
   * @returns logits [K] of the sequence so far
   * @throws UserError when the input is not I values, or the stepper is closed
   */
  step(input: ArrayLike<number>): Float32Array {
    const logits = this.peek(input);
    [this.#turn, this.#nextTurn] = [this.#nextTurn, this.#turn];
    this.#steps++;
    return logits;
  }

  /**
   * Computes the logits that `step` would give, without taking the step: the answer if the sequence ended here.
   * @param input [I] the features of the step
   * @returns logits [K]
   * @throws UserError as `step`
   */
  peek(input: ArrayLike<number>): Float32Array {
    this.#requireOpen();
    const { config, backend } = this.#model;
    const { inputSize, head } = config;
    if (input.length !== inputSize) {
      throw new UserError(`step: input [I] = [${inputSize}] needs ${inputSize} values, got ${input.length}`);
    }
    this.#model.panels();
    this.#input.set(input);
    for (const layer of this.#turn.layers) backend.lstmForward(layer);
    if (head === 'mean') this.#average();
    backend.linearForward(this.#turn.head);
    return this.#logits.slice();
  }

  /** Frees the stepper's memory. Further steps throw. */
  close(): void {
    this.#closed = true;
    this.#memory.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireOpen(): void {
    if (this.#closed) throw new UserError('model: this stepper is closed; make another with stepper()');
  }

  #average(): void {
    const { from, to, layers } = this.#turn;
    const { outputs } = layers[layers.length - 1];
    for (let j = 0; j < outputs.length; j++) {
      to.sum[j] = from.sum[j] + outputs[j];
      this.#mean[j] = to.sum[j] / (this.#steps + 1);
    }
  }

  #turnOf(from: States, to: States, shared: Pick<LstmForward, 'batchSizes' | 'scratch'>): Turn {
    const { config, weight, bias } = this.#model;
    const { hiddenSize: H, numLayers: L, numClasses, head } = config;
    const own = (states: Float32Array, layer: number) => states.subarray(layer * H, (layer + 1) * H);
    const { batchSizes, scratch } = shared;
    const layers = this.#model.panels().map((panels, layer) => ({
      batchSizes,
      scratch,
      inputSize: layerInputSize(config, layer),
      hiddenSize: H,
      rows: 1,
      reverse: false,
      outputStride: H,
      outputColumn: 0,
      panels,
      gates: null,
      inputs: layer === 0 ? this.#input : own(to.hidden, layer - 1),
      outputs: own(to.hidden, layer),
      cells: own(to.cells, layer),
      initial: { hidden: own(from.hidden, layer), cells: own(from.cells, layer) },
    }));
    const read = { final: to.hidden, last: own(to.hidden, L - 1), mean: this.#mean, flatten: to.hidden };
    return {
      from,
      to,
      layers,
      head: {
        rows: 1,
        inputSize: featuresOf(config),
        outputSize: numClasses,
        inputs: read[head],
        weight,
        bias,
        outputs: this.#logits,
      },
    };
  }
}

/** @throws UserError for a model that reads sequences from their end too, or all steps at once */
export function requireSteppable({ bidirectional, head }: ResolvedClassifierConfig): void {
  if (!bidirectional && head !== 'flatten') return;
  throw new UserError(
    'model: only a unidirectional model with the head final, last or mean can be stepped; ' +
      `this one is ${bidirectional ? 'bidirectional' : "unidirectional with head 'flatten'"}`,
  );
}
