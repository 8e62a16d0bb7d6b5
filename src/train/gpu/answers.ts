/** The evaluation of a part on a GPU: passes of many sequences, forward only, in float32. */
import { type BatchCapacity, capacityFor } from '../../backends/webgpu/batch-layout.js';
import type { GpuDevice, Prepared } from '../../backends/webgpu/device.js';
import type { Slice } from '../../backends/webgpu/kernel.js';
import { Readback } from '../../backends/webgpu/readback.js';
import type { Part, PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { DeviceNetwork, deviceMemory } from '../../model/device/device-network.js';
import type { DeviceMemory, DevicePlan } from '../../model/device/device-plan.js';
import type { ParameterLayout } from '../../model/parameters.js';
import type { Answers } from '../engine.js';
import { BatchFeed } from './data/batch-feed.js';
import type { DeviceExamples } from './data/device-examples.js';
import { rowsOf } from './passes.js';
import { inPortions } from './pipeline.js';

/** Most sequences of a pass. */
const MOST_SEQUENCES = 1024;

/** Capacities from the largest pass to that of a few sequences. @param longest lengths, longest first */
export function* evaluationCapacities(longest: Int32Array): Generator<BatchCapacity> {
  const most = Math.min(longest.length, MOST_SEQUENCES);
  for (let sequences = most; ; sequences = Math.ceil(sequences / 2)) {
    const { lanes, blocks, steps } = capacityFor(sequences, longest[0]);
    yield { lanes, blocks, steps, rows: rowsOf(longest, lanes, blocks) };
    if (blocks === 1) return;
  }
}

function devicePlan(config: ResolvedClassifierConfig, capacity: BatchCapacity): DevicePlan {
  return { config, capacity, precision: 'float32', training: false, inputGradient: false, keepsAll: false };
}

export function evaluationMemory(
  device: GpuDevice,
  model: ResolvedClassifierConfig,
  capacity: BatchCapacity,
  layout: ParameterLayout,
): DeviceMemory {
  return deviceMemory(device, devicePlan(model, capacity), layout);
}

/** A part, ready to be evaluated. */
interface OpenPart {
  feed: BatchFeed;
  /** Gathers a pass and computes its logits and losses. */
  pass: Prepared;
}

export class GpuAnswers {
  readonly #device: GpuDevice;
  readonly #examples: DeviceExamples;
  readonly #parts: PartsData;
  readonly #network: DeviceNetwork;
  readonly #classes: number;
  /** Sequences of a pass. */
  readonly #sequences: number;
  /** Word 0: the pass. Written before each. */
  readonly #counter: Slice;
  /** [sequences] */
  readonly #losses: Slice;
  /** [sequences] */
  readonly #correct: Slice;
  readonly #results: Readback;
  readonly #open = new Map<Part, Promise<OpenPart>>();
  #panels: Prepared | null = null;

  constructor(
    device: GpuDevice,
    examples: DeviceExamples,
    parts: PartsData,
    model: ResolvedClassifierConfig,
    capacity: BatchCapacity,
    trained: { layout: ParameterLayout; parameters: Slice },
  ) {
    this.#device = device;
    this.#examples = examples;
    this.#parts = parts;
    this.#network = new DeviceNetwork(
      device,
      devicePlan(model, capacity),
      trained.layout,
      trained.parameters,
    );
    this.#classes = model.numClasses;
    this.#sequences = capacity.lanes * capacity.blocks;
    this.#counter = device.allocate(1);
    this.#losses = device.allocate(this.#sequences);
    this.#correct = device.allocate(this.#sequences);
    this.#results = new Readback(device, 4 * this.#sequences * (model.numClasses + 1));
  }

  /** `Engine.evaluate`. */
  async *evaluate(part: Part, indices: Int32Array, stop: AbortSignal): AsyncGenerator<Answers> {
    const sequences = this.#sequences;
    const K = this.#classes;
    this.#panels ??= await this.#device.prepare(this.#network.panels());
    const { feed, pass } = await this.#part(part);
    this.#device.submit(this.#panels);
    feed.begin({ epoch: 0, order: indices });
    const submit = async (batch: number) => {
      await feed.require(batch);
      const places = feed.placesOf(batch);
      this.#device.write(this.#counter, Uint32Array.of(batch));
      this.#device.submit(pass);
      const { logits } = this.#network.buffers;
      const first = (slice: Slice, width: number) => ({ ...slice, size: 4 * places.length * width });
      const result = this.#results
        .read(first(logits, K), first(this.#losses, 1))
        .then((bytes) => inOrder(places, batch * sequences, new Float32Array(bytes), K));
      return { result };
    };
    const passes = Math.ceil(indices.length / sequences);
    for await (const { result } of inPortions(passes, 1, submit, stop)) yield result;
  }

  #part(part: Part): Promise<OpenPart> {
    const known = this.#open.get(part) ?? this.#openPart(part);
    this.#open.set(part, known);
    return known;
  }

  async #openPart(part: Part): Promise<OpenPart> {
    const data = this.#parts[part];
    if (!data) throw new Error(`train: the engine was given no sequences of part ${part}`);
    const network = this.#network;
    const { words, labels, inputs } = network.buffers;
    const feed = new BatchFeed(this.#device, this.#examples, data, {
      batchSize: this.#sequences,
      capacity: network.plan.capacity,
      passes: 1,
      storage: 'float32',
      counters: this.#counter,
      targets: { words, labels, keys: null, inputs },
      training: null,
    });
    try {
      const pass = await this.#device.prepare([
        ...feed.gather(0),
        ...network.forward({ dropout: false }),
        ...network.loss({ labelSmoothing: 0, losses: this.#losses, correct: this.#correct }),
      ]);
      return { feed, pass };
    } catch (error) {
      feed.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const open = await Promise.allSettled(this.#open.values());
    for (const part of open) if (part.status === 'fulfilled') part.value.feed.close();
    this.#results.close();
    this.#network.close();
    for (const slice of [this.#counter, this.#losses, this.#correct]) this.#device.release(slice);
  }
}

/** Answers in the order of the indices. @param values logits [n, K] and losses [n] in packed order */
function inOrder(places: Int32Array, first: number, values: Float32Array, K: number): Answers {
  const n = places.length;
  const logits = new Float32Array(n * K);
  const losses = new Float32Array(n);
  for (let b = 0; b < n; b++) {
    const place = places[b] - first;
    logits.set(values.subarray(b * K, (b + 1) * K), place * K);
    losses[place] = values[n * K + b];
  }
  return { first, logits, losses };
}
