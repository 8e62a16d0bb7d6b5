/**
 * The updates of a training on a GPU. Every update is the same list of commands: the passes of the batch, each gathered,
 * forward and backward; then the sum of the gradients, the verdict on them, and the update of the parameters. What
 * differs between updates is in device memory: the plan of the batches (data/batch-feed.ts) and the training's state.
 */
import type { GpuDevice, Prepared } from '../../backends/webgpu/device.js';
import { classWeightWords } from '../../backends/webgpu/head/class-weights.js';
import type { Dispatch, Slice } from '../../backends/webgpu/kernel.js';
import { Readback } from '../../backends/webgpu/readback.js';
import { tilesOf } from '../../backends/webgpu/tuning.js';
import { squaresWords, sumGradients } from '../../backends/webgpu/update/sum-gradients.js';
import {
  countersSlice,
  epochWords,
  readCounters,
  readResults,
  resultsSlice,
  type TrainingState,
  trainingStateWords,
} from '../../backends/webgpu/update/training-state.js';
import { update } from '../../backends/webgpu/update/update.js';
import type { PartialGradients } from '../../backends/webgpu/verbs.js';
import type { Augmentation } from '../../data/augmentation.js';
import type { SequencesData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { DeviceNetwork, deviceMemory } from '../../model/device/device-network.js';
import { type DeviceMemory, type DevicePlan, storageOf } from '../../model/device/device-plan.js';
import type { ParameterLayout } from '../../model/parameters.js';
import type { Precision } from '../../model/workspace.js';
import { type BatchResults, Diverged, type EpochPlan, type UpdateSettings } from '../engine.js';
import { LOSS_SCALING } from '../loss-scale.js';
import { BatchFeed } from './data/batch-feed.js';
import type { DeviceExamples } from './data/device-examples.js';
import type { StartReader } from './data/sequence-reader.js';
import type { Passes } from './passes.js';
import { inPortions } from './pipeline.js';

/** Most updates of a portion: results of so many are read at once. */
const MOST_UPDATES = 256;

export interface GpuTrainingOptions {
  model: ResolvedClassifierConfig;
  precision: Precision;
  settings: UpdateSettings & { augmentation: Augmentation };
  passes: Passes;
  /** Part `train`. */
  data: SequencesData;
  /** Batches of the longest epoch. */
  batches: number;
  startReader?: StartReader;
}

/** What the caller owns. */
export interface TrainedVectors {
  layout: ParameterLayout;
  /** [P] */
  parameters: Slice;
  /** [V, P] the optimiser's vectors; null: it has none. */
  vectors: Slice | null;
}

function devicePlan({
  model,
  precision,
  passes,
}: Pick<GpuTrainingOptions, 'model' | 'precision' | 'passes'>): DevicePlan {
  const { capacity } = passes;
  return { config: model, capacity, precision, training: true, inputGradient: false, keepsAll: false };
}

/** Device memory of a training, without the caller's vectors, the examples, and buffers of a few kilobytes. */
export function trainingMemory(
  device: GpuDevice,
  options: Pick<GpuTrainingOptions, 'model' | 'precision' | 'passes'>,
  layout: ParameterLayout,
): DeviceMemory {
  const { bytes, largest } = deviceMemory(device, devicePlan(options), layout);
  const partials = 4 * layout.length * options.passes.splits;
  return { bytes: bytes + partials + 4 * layout.length, largest: Math.max(largest, partials) };
}

/** What a training has opened on the device: closed together, also if opening fails. */
class Holdings {
  readonly #device: GpuDevice;
  readonly #opened: { close(): void }[] = [];

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  keep<T extends { close(): void }>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }

  allocate(words: number): Slice {
    const slice = this.#device.allocate(words);
    this.#opened.push({ close: () => this.#device.release(slice) });
    return slice;
  }

  close(): void {
    for (const each of this.#opened.splice(0)) each.close();
  }
}

export class GpuTraining {
  readonly #device: GpuDevice;
  readonly #options: GpuTrainingOptions;
  readonly #holdings: Holdings;
  readonly #feed: BatchFeed;
  readonly #state: TrainingState;
  readonly #results: Readback;
  readonly #panels: Prepared;
  readonly #update: Prepared;

  /** Allocates, and compiles the kernels. */
  static async open(
    device: GpuDevice,
    examples: DeviceExamples,
    trained: TrainedVectors,
    options: GpuTrainingOptions,
  ): Promise<GpuTraining> {
    const holdings = new Holdings(device);
    try {
      return await GpuTraining.#openIn(holdings, device, examples, trained, options);
    } catch (error) {
      holdings.close();
      throw error;
    }
  }

  static async #openIn(
    holdings: Holdings,
    device: GpuDevice,
    examples: DeviceExamples,
    trained: TrainedVectors,
    options: GpuTrainingOptions,
  ): Promise<GpuTraining> {
    const { model, settings, passes } = options;
    const { layout, parameters } = trained;
    const P = layout.length;
    const plan = devicePlan(options);
    const network = holdings.keep(new DeviceNetwork(device, plan, layout, parameters));
    const allocate = (words: number) => holdings.allocate(words);
    const { batchSize } = settings;
    const state = { batches: options.batches, words: allocate(trainingStateWords(options.batches)) };
    const losses = allocate(batchSize);
    const correct = allocate(batchSize);
    const gradients: PartialGradients = {
      partials: allocate(passes.splits * P),
      splits: passes.splits,
      parameters: P,
    };
    const sums = allocate(P);
    const squares = allocate(squaresWords(P));
    const dropout = model.dropout > 0 || model.layerDropout > 0;
    const { words, labels, inputs, dropoutKeys } = network.buffers;
    const feed = new BatchFeed(device, examples, options.data, {
      batchSize,
      capacity: passes.capacity,
      passes: passes.count,
      storage: storageOf(plan),
      counters: state.words,
      targets: { words, labels, keys: dropout ? dropoutKeys : null, inputs },
      training: settings,
      startReader: options.startReader,
    });
    holdings.keep(feed);
    const { labelSmoothing } = settings;
    const weightWords = settings.classWeights && classWeightWords(settings.classWeights);
    const classWeights = weightWords && allocate(weightWords.length);
    if (classWeights) device.write(classWeights, weightWords);
    const passOf = { labelSmoothing, classWeights, dropout, gradients, state, losses, correct };
    const trainingPass = await tilesOf(device).tuned(() => network.trainingPass(passOf));
    const commands: Dispatch[] = [];
    for (let pass = 0; pass < passes.count; pass++) {
      commands.push(...feed.gather(pass));
      commands.push(...trainingPass);
      const isLast = pass === passes.count - 1;
      if (!isLast) commands.push(...sumGradients({ gradients, sums, accumulate: pass > 0, squares: null }));
    }
    commands.push(
      ...update({
        rule: settings.optimizer,
        maxNorm: settings.maxNorm,
        lossScaling: options.precision === 'float16' ? LOSS_SCALING : null,
        state,
        losses,
        correct,
        gradients,
        sums,
        accumulate: passes.count > 1,
        squares,
        parameters,
        vectors: trained.vectors,
      }),
    );
    const panels = network.panels();
    const prepared = await Promise.all([device.prepare(panels), device.prepare([...commands, ...panels])]);
    return new GpuTraining(device, options, holdings, feed, state, prepared);
  }

  private constructor(
    device: GpuDevice,
    options: GpuTrainingOptions,
    holdings: Holdings,
    feed: BatchFeed,
    state: TrainingState,
    [panels, update]: readonly [Prepared, Prepared],
  ) {
    this.#device = device;
    this.#options = options;
    this.#holdings = holdings;
    this.#feed = feed;
    this.#state = state;
    this.#panels = panels;
    this.#update = update;
    const most = Math.min(MOST_UPDATES, state.batches);
    this.#results = new Readback(device, resultsSlice(state, 0, most).size + countersSlice(state).size);
  }

  /** `Engine.train`, after the parameters were changed or not. */
  async *train(plan: EpochPlan, stop: AbortSignal): AsyncGenerator<BatchResults> {
    const { settings, batches } = this.#options;
    const { epoch, order, firstBatch, endBatch } = plan;
    this.#device.write(this.#state.words, epochWords(batches, settings.optimizer, plan));
    this.#device.submit(this.#panels);
    this.#feed.begin({ epoch, order, firstBatch, endBatch });
    const portions = inPortions(
      endBatch - firstBatch,
      Math.min(MOST_UPDATES, batches),
      (first, count) => this.#submit(firstBatch + first, count),
      stop,
    );
    const { size: counterBytes } = countersSlice(this.#state);
    for await (const { first, count, result } of portions) {
      const counters = readCounters(result.slice(0, counterBytes));
      const results = readResults(result.slice(counterBytes));
      const { divergence } = counters;
      const begin = firstBatch + first;
      const end = divergence ? Math.min(begin + count, counters.batch) : begin + count;
      const done = results.slice(0, end - begin);
      const last = done.at(-1);
      if (last) {
        const { scale, steadySteps, skippedSteps } = last;
        yield {
          firstBatch: begin,
          losses: Float64Array.from(done, ({ loss }) => loss),
          correct: Int32Array.from(done, ({ correct }) => correct),
          lossScale: this.#options.precision === 'float16' ? { scale, steadySteps, skippedSteps } : null,
        };
      }
      if (divergence) throw new Diverged(counters.batch, divergence.quantity, divergence.value);
    }
  }

  /** Submits updates; `result` are their results, and the counters after them. */
  async #submit(first: number, count: number): Promise<{ result: Promise<ArrayBuffer> }> {
    let updates: Prepared[] = [];
    for (let batch = first; batch < first + count; batch++) {
      if (!this.#feed.has(batch)) {
        if (updates.length > 0) this.#device.submit(...updates);
        updates = [];
        await this.#feed.require(batch);
      }
      updates.push(this.#update);
    }
    this.#device.submit(...updates);
    const state = this.#state;
    return { result: this.#results.read(countersSlice(state), resultsSlice(state, first, first + count)) };
  }

  close(): void {
    this.#holdings.close();
    this.#results.close();
  }
}
