/**
 * A classifier's parameters and passes on a GPU. The parameters are also kept on the host: they change only by
 * `parametersChanged`. Passes run one after the other, in the order of the calls. The kernels are loaded by the first
 * pass, so that programs without a GPU do not load them.
 */
import { type LaidOutBatch, layOut } from '../../backends/webgpu/batch-layout.js';
import type { GpuDevice } from '../../backends/webgpu/device.js';
import { classWeightWords } from '../../backends/webgpu/head/class-weights.js';
import type { Slice } from '../../backends/webgpu/kernel.js';
import { type Columns, deviceColumns, type PartialGradients, padded } from '../../backends/webgpu/verbs.js';
import type { PaddedBatch } from '../../data/sequences/batch.js';
import { UserError } from '../../user-error.js';
import { directionsOf, type ResolvedClassifierConfig } from '../classifier-config.js';
import {
  dropoutKeys,
  type ForwardPass,
  type GradientPass,
  type LayerStates,
  type Model,
  type PassOptions,
  type PassRows,
} from '../model.js';
import type { ParameterLayout } from '../parameters.js';
import { requireSteppable, type SequenceStepper } from '../stepper.js';
import type { DeviceNetwork } from './device-network.js';
import type { DevicePasses } from './device-passes.js';

/** A batch in the order of its pass, and what the device reads of it. */
interface LaidOut extends PassRows {
  rows: number;
  words: Int32Array;
  /** [rows, I'] */ inputs: Float32Array;
  /** [B] */ labels: Int32Array;
}

export class DeviceModel implements Model {
  readonly parameters: Float32Array;
  readonly #config: ResolvedClassifierConfig;
  readonly #device: GpuDevice;
  readonly #layout: ParameterLayout;
  /** [P] `parameters` on the device. */
  readonly #onDevice: Slice;
  /** [P] */
  #gradients: Slice | null = null;
  /** `classWeightWords` of the last pass with weights. */
  #classWeights: Slice | null = null;
  /** Networks for answers alone, and for everything else; so answers do not depend on what else was asked for. */
  readonly #passes: Record<'answers' | 'training', DevicePasses | null> = { answers: null, training: null };
  /** Settles when all calls so far have ended. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: ResolvedClassifierConfig, layout: ParameterLayout, device: GpuDevice) {
    this.#config = config;
    this.#layout = layout;
    this.#device = device;
    this.parameters = new Float32Array(layout.length);
    this.#onDevice = device.allocate(layout.length);
  }

  parametersChanged(): void {
    const values = this.parameters.slice();
    // A failure here is a failure of the device, which the next pass reports.
    void this.#inTurn(async () => {
      this.#device.write(this.#onDevice, values);
      for (const passes of Object.values(this.#passes)) passes?.parametersChanged();
    }).catch(() => {});
  }

  forward<R>(batch: PaddedBatch, states: boolean, use: (pass: ForwardPass) => R): Promise<R> {
    const { batchSize: B, steps: T } = batch;
    const { numClasses, hiddenSize } = this.#config;
    return this.#inTurn(async () => {
      const passes = await this.#passesFor(states ? 'training' : 'answers');
      const open = passes.reserve(B, T);
      const { network } = open;
      const laidOut = this.#write(network, batch);
      await passes.submit(open, 'forward', () => network.forward({ dropout: false }));
      const slices = [firstOf(network.buffers.logits, B * numClasses)];
      if (states) {
        const words = laidOut.rows * deviceColumns({ parts: directionsOf(this.#config), size: hiddenSize });
        for (const { outputs, cells } of network.layers) {
          slices.push(firstOf(outputs, words), firstOf(cells, words));
        }
      }
      const [logits, ...values] = await this.#read(slices);
      return use({ ...laidOut, logits, layers: this.#states(values, laidOut.rows) });
    });
  }

  gradients<R>(batch: PaddedBatch, options: PassOptions, use: (pass: GradientPass) => R): Promise<R> {
    const { batchSize: B, steps: T } = batch;
    const { labelSmoothing, inputGradient, dropoutSeed, weight } = options;
    const { numClasses, inputSize } = this.#config;
    return this.#inTurn(async () => {
      const passes = await this.#passesFor('training');
      const open = passes.reserve(B, T);
      const { network, losses, correct } = open;
      const { buffers } = network;
      const laidOut = this.#write(network, batch, weight);
      this.#device.write(buffers.labels, laidOut.labels);
      const dropout = dropoutSeed !== null;
      if (dropout) {
        const keys = dropoutKeys(dropoutSeed, laidOut.order, new Int32Array(2 * B));
        this.#device.write(buffers.dropoutKeys, keys);
      }
      const gradients = this.#partialGradients();
      const classWeights = this.#writeWeights(options.classWeights);
      const pass = { labelSmoothing, classWeights, dropout };
      await passes.submit(open, `gradients ${labelSmoothing} ${dropout} ${classWeights !== null}`, () =>
        network.trainingPass({ ...pass, state: null, gradients, losses, correct }),
      );
      const slices = [
        firstOf(buffers.logits, B * numClasses),
        firstOf(losses, B),
        firstOf(gradients.partials, gradients.parameters),
      ];
      if (inputGradient) slices.push(firstOf(network.dInputs, laidOut.rows * padded(inputSize)));
      const [logits, lossValues, gradientValues, dInputs = null] = await this.#read(slices);
      const columns = { parts: 1, size: inputSize };
      return use({
        ...laidOut,
        logits,
        losses: lossValues,
        gradients: gradientValues,
        dInputs: dInputs && withoutPadding(dInputs, laidOut.rows, columns),
      });
    });
  }

  stepper(): SequenceStepper {
    requireSteppable(this.#config);
    throw new UserError(
      'stepper: a GPU is slower at single steps than the processor; make a SequenceClassifier with the same ' +
        'parameters, from stateDict(), on the backend that openBackend() opens',
    );
  }

  close(): void {
    void this.#inTurn(async () => {
      for (const passes of Object.values(this.#passes)) passes?.close();
      for (const slice of [this.#onDevice, this.#gradients, this.#classWeights])
        if (slice) this.#device.release(slice);
    });
  }

  async #passesFor(purpose: 'answers' | 'training'): Promise<DevicePasses> {
    const { DevicePasses } = await import('./device-passes.js');
    const training = purpose === 'training';
    this.#passes[purpose] ??= new DevicePasses(this.#device, this.#layout, this.#onDevice, {
      config: this.#config,
      precision: 'float32',
      training,
      inputGradient: training,
      keepsAll: training,
    });
    return this.#passes[purpose];
  }

  /** Runs work after all that came before it. */
  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Lays a batch out and writes it to the device. @param weight of its sequences in the loss */
  #write(network: DeviceNetwork, batch: PaddedBatch, weight = batch.batchSize): LaidOut {
    const { buffers, plan } = network;
    const laidOut = layOutPadded(batch, (lengths) =>
      layOut(plan.capacity, lengths, lengths.length, 0, weight),
    );
    this.#device.write(buffers.words, laidOut.words);
    this.#device.write(buffers.inputs, laidOut.inputs);
    return laidOut;
  }

  async #read(slices: Slice[]): Promise<Float32Array[]> {
    return (await this.#device.read(...slices)).map((bytes) => new Float32Array(bytes));
  }

  #writeWeights(weights: Float32Array | null): Slice | null {
    if (!weights) return null;
    const words = classWeightWords(weights);
    this.#classWeights ??= this.#device.allocate(words.length);
    this.#device.write(this.#classWeights, words);
    return this.#classWeights;
  }

  #partialGradients(): PartialGradients {
    const parameters = this.#layout.length;
    this.#gradients ??= this.#device.allocate(parameters);
    return { partials: this.#gradients, splits: 1, parameters };
  }

  /** @param values outputs and cells of every layer */
  #states(values: Float32Array[], rows: number): LayerStates[] {
    const directions = directionsOf(this.#config);
    const size = this.#config.hiddenSize;
    const layers: LayerStates[] = [];
    for (let n = 0; n < values.length; n += 2) {
      layers.push({
        outputs: withoutPadding(values[n], rows, { parts: directions, size }),
        cells: Array.from({ length: directions }, (_, part) =>
          partOf(values[n + 1], rows, { parts: directions, size }, part),
        ),
      });
    }
    return layers;
  }
}

/** The first words of a buffer. */
function firstOf({ buffer, offset }: Slice, words: number): Slice {
  return { buffer, offset, size: 4 * words };
}

/** Sorts a padded batch, longest first, and puts its steps where the layout says. */
function layOutPadded(
  { inputs, batchSize: B, steps: T, inputSize: I, lengths: given, labels }: PaddedBatch,
  layOut: (lengths: Int32Array) => LaidOutBatch,
): LaidOut {
  const lengthOf = (sequence: number) => given?.[sequence] ?? T;
  const order = Int32Array.from({ length: B }, (_, b) => b).sort(
    (a, b) => lengthOf(b) - lengthOf(a) || a - b,
  );
  const lengths = order.map(lengthOf);
  const { words, rows, rowOf } = layOut(lengths);
  const width = padded(I);
  const laidOut = new Float32Array(rows * width);
  order.forEach((sequence, b) => {
    for (let t = 0; t < lengths[b]; t++) {
      const from = (sequence * T + t) * I;
      laidOut.set(inputs.subarray(from, from + I), rowOf(b, t) * width);
    }
  });
  return { order, lengths, rowOf, rows, words, inputs: laidOut, labels: order.map((n) => labels?.[n] ?? -1) };
}

/** [rows, parts · size] of a matrix on the device. */
function withoutPadding(values: Float32Array, rows: number, columns: Columns): Float32Array {
  const { parts, size } = columns;
  if (padded(size) === size) return values;
  const result = new Float32Array(rows * parts * size);
  for (let n = 0; n < rows * parts; n++) {
    const from = n * padded(size);
    result.set(values.subarray(from, from + size), n * size);
  }
  return result;
}

/** [rows, size] one part of the columns of a matrix on the device. */
function partOf(values: Float32Array, rows: number, { parts, size }: Columns, part: number): Float32Array {
  const result = new Float32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    const from = (row * parts + part) * padded(size);
    result.set(values.subarray(from, from + size), row * size);
  }
  return result;
}
