/**
 * A classifier that reads one sequence a step at a time, as a pen draws it: the states are carried along, so that a
 * step costs the same however long the sequence has become. After n steps the logits are those of
 * `SequenceClassifier.forward` on the first n steps: bit for bit, but for the rounding of the sum in the head `mean`.
 */
import type { Backend } from '../backends/backend.js';
import { UserError } from '../user-error.js';
import { featuresOf, layerInputSize, type ResolvedClassifierConfig } from './config.js';

/** What a classifier lends its steppers: its own buffers, so that they follow when it learns or loads. */
export interface SteppedModel {
  config: ResolvedClassifierConfig;
  backend: Backend;
  /** [layer] what `lstmPack` wrote of the present parameters. */
  packed(): readonly Float32Array[];
  /** fc.weight [K, F] and fc.bias [K] */
  weight: Float32Array;
  bias: Float32Array;
}

/** Hidden and cell states after a step, layer by layer. */
interface States {
  /** [L, H] */ hidden: Float32Array;
  /** [L, H] */ cells: Float32Array;
}

export class SequenceStepper {
  readonly #model: SteppedModel;
  readonly #one: Int32Array;
  readonly #input: Float32Array;
  /** [H] of the last layer's outputs so far, for the head `mean`. */
  readonly #mean: Float32Array;
  #sum: Float64Array;
  #nextSum: Float64Array;
  readonly #logits: Float32Array;
  readonly #scratch: Float32Array;
  #now: States;
  #next: States;
  #steps = 0;

  /** @throws UserError for a model that reads sequences from their end too, or all steps at once */
  constructor(model: SteppedModel) {
    const { config, backend } = model;
    if (config.bidirectional || config.head === 'flatten') {
      throw new UserError(
        'model: only a unidirectional model with the head final, last or mean can be stepped; ' +
          `this one is ${config.bidirectional ? 'bidirectional' : "unidirectional with head 'flatten'"}`,
      );
    }
    const { hiddenSize: H, numLayers: L, numClasses: K } = config;
    const states = () => ({ hidden: backend.allocate(L * H), cells: backend.allocate(L * H) });
    this.#model = model;
    this.#one = backend.allocateInts(1).fill(1);
    this.#input = backend.allocate(config.inputSize);
    this.#mean = backend.allocate(H);
    this.#sum = new Float64Array(H);
    this.#nextSum = new Float64Array(H);
    this.#logits = backend.allocate(K);
    const scratch = Array.from({ length: L }, (_, layer) =>
      backend.lstmScratchLength(1, layerInputSize(config, layer), H, false),
    );
    this.#scratch = backend.allocate(Math.max(...scratch));
    this.#now = states();
    this.#next = states();
  }

  /** Steps since the beginning of the sequence. */
  get steps(): number {
    return this.#steps;
  }

  /** The hidden states [L, H] after the last step; overwritten by the step after the next. */
  get hidden(): Float32Array {
    return this.#now.hidden;
  }

  /** Begins a new sequence. */
  reset(): void {
    this.#steps = 0;
    for (const values of [this.#now.hidden, this.#now.cells, this.#sum]) values.fill(0);
  }

  /**
   * Reads the next step.
   * @param input [I]
   * @returns logits [K] of the sequence so far
   * @throws UserError when the input is not I values
   */
  step(input: ArrayLike<number>): Float32Array {
    const logits = this.peek(input);
    [this.#now, this.#next] = [this.#next, this.#now];
    [this.#sum, this.#nextSum] = [this.#nextSum, this.#sum];
    this.#steps++;
    return logits;
  }

  /**
   * What `step` would give, without taking it: the answer if the sequence ended with this.
   * @param input [I]
   * @throws UserError as step
   */
  peek(input: ArrayLike<number>): Float32Array {
    const { config, backend, weight, bias } = this.#model;
    const packed = this.#model.packed();
    const { hiddenSize: H, inputSize, numLayers, numClasses } = config;
    if (input.length !== inputSize) {
      throw new UserError(`step: input [I] = [${inputSize}] needs ${inputSize} values, got ${input.length}`);
    }
    this.#input.set(input);
    for (let layer = 0; layer < numLayers; layer++) {
      const own = (states: Float32Array, of = layer) => states.subarray(of * H, (of + 1) * H);
      backend.lstmForward({
        ...{ inputSize: layerInputSize(config, layer), hiddenSize: H, batchSizes: this.#one, rows: 1 },
        ...{ reverse: false, outputStride: H, outputColumn: 0, packed: packed[layer], gates: null },
        inputs: layer === 0 ? this.#input : own(this.#next.hidden, layer - 1),
        outputs: own(this.#next.hidden),
        cells: own(this.#next.cells),
        initial: { hidden: own(this.#now.hidden), cells: own(this.#now.cells) },
        scratch: this.#scratch,
      });
    }
    backend.linearForward({
      ...{ rows: 1, inputSize: featuresOf(config), outputSize: numClasses, inputs: this.#read() },
      ...{ weight, bias, outputs: this.#logits },
    });
    return this.#logits.slice();
  }

  /** What the linear layer reads [F] after the next step. */
  #read(): Float32Array {
    const { head, hiddenSize: H, numLayers } = this.#model.config;
    const { hidden } = this.#next;
    if (head === 'final') return hidden;
    const last = hidden.subarray((numLayers - 1) * H);
    if (head === 'last') return last;
    for (let j = 0; j < H; j++) {
      this.#nextSum[j] = this.#sum[j] + last[j];
      this.#mean[j] = this.#nextSum[j] / (this.#steps + 1);
    }
    return this.#mean;
  }
}
