/** Starts the peers, and knows how to install the missing ones. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SequenceClassifier, writeSafetensors } from 'scanstroke';
import { PRODUCT_SIZE } from '../measure/peak.js';
import { lengthsOf, randomData, type Workload } from '../measure/workload.js';
import { Peer } from './peer.js';

export const PEERS = ['openblas', 'pytorch', 'onnxruntime', 'tfjs'] as const;
/** The peer of `bench:gpu`. */
export const GPU_PEERS = ['pytorch-cuda'] as const;
export type PeerName = (typeof PEERS)[number] | (typeof GPU_PEERS)[number];

// One command for both: `npm install --no-save` removes the packages of an earlier one.
const NPM_PEERS = 'npm install --no-save @tensorflow/tfjs@4.22.0 ' + '@tensorflow/tfjs-backend-wasm@4.22.0';

const INSTALL: Record<PeerName, string> = {
  openblas: 'on Debian: apt-get install libopenblas0',
  pytorch: 'on Debian: apt-get install python3-torch',
  'pytorch-cuda': "pip install torch, with NVIDIA's driver",
  onnxruntime: `${NPM_PEERS}; on Debian: apt-get install python3-onnx`,
  tfjs: NPM_PEERS,
};
const PYTHONS = ['/usr/bin/python3', 'python3'];

const script = (name: string) => fileURLToPath(new URL(`../../../bench/peers/${name}`, import.meta.url));

/** Starts peers and records their versions. `missing` has one line per peer that is not installed. */
export class Peers {
  readonly versions = new Map<PeerName, string>();
  readonly missing = new Map<PeerName, string>();
  readonly #wanted: readonly PeerName[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'scanstroke-bench-'));

  constructor(wanted: readonly PeerName[]) {
    this.#wanted = wanted;
  }

  openblas(): Promise<Peer | null> {
    return this.#python('openblas', 'openblas.py', { size: PRODUCT_SIZE });
  }

  pytorch(workload: Workload): Promise<Peer | null> {
    return this.#python('pytorch', 'torch_lstm.py', task(workload));
  }

  /** PyTorch on CUDA. */
  pytorchOnGpu(workload: Workload): Promise<Peer | null> {
    return this.#python('pytorch-cuda', 'torch_gpu.py', task(workload));
  }

  tfjs(workload: Workload): Promise<Peer | null> {
    return this.#start('tfjs', [[process.execPath, script('tfjs.mjs'), JSON.stringify(task(workload))]]);
  }

  /**
   * ONNX Runtime on a graph with the model's weights.
   * @throws Error if its logits differ from the model's
   */
  async onnxruntime(workload: Workload, model: SequenceClassifier): Promise<Peer | null> {
    if (!this.#may('onnxruntime')) return null;
    const path = join(this.#folder, `${workload.name}.onnx`);
    const failure = await this.#writeOnnx(workload, model, path);
    if (failure !== null) return this.#leaveOut('onnxruntime', failure);
    const argument = JSON.stringify({ ...task(workload), path });
    const peer = await this.#start('onnxruntime', [[process.execPath, script('onnxruntime.mjs'), argument]]);
    if (peer) await compareLogits(peer, workload, model);
    return peer;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  async #writeOnnx(
    { name, model: config }: Workload,
    model: SequenceClassifier,
    path: string,
  ): Promise<string | null> {
    const weights = join(this.#folder, `${name}.safetensors`);
    writeFileSync(weights, writeSafetensors(await model.stateDict()));
    for (const python of PYTHONS) {
      const args = [script('write_onnx.py'), JSON.stringify(config), weights, path];
      const run = spawnSync(python, args, { encoding: 'utf8' });
      if (run.status === 0) return null;
      if (run.status !== 3 && run.status !== null)
        throw new Error(`bench: write_onnx.py failed\n${run.stderr}`);
    }
    return 'no onnx for Python';
  }

  #python(name: PeerName, file: string, argument: object): Promise<Peer | null> {
    return this.#start(
      name,
      PYTHONS.map((python) => [python, script(file), JSON.stringify(argument)]),
    );
  }

  #may(name: PeerName): boolean {
    return this.#wanted.includes(name) && !this.missing.has(name);
  }

  /** Starts the first of several commands that works. */
  async #start(name: PeerName, commands: readonly string[][]): Promise<Peer | null> {
    if (!this.#may(name)) return null;
    let reason = '';
    for (const [command, ...args] of commands) {
      const peer = await Peer.start(command, args);
      if (peer instanceof Peer) {
        this.versions.set(name, peer.version);
        return peer;
      }
      reason ||= peer;
    }
    return this.#leaveOut(name, reason);
  }

  #leaveOut(name: PeerName, reason: string): null {
    const why = reason.replace(/ imported from .*/, '');
    this.missing.set(name, `${name}: not measured (${why}); to install: ${INSTALL[name]}`);
    return null;
  }
}

/** The task of a peer, as JSON: the model and the shape of the data. */
function task(workload: Workload) {
  const { model, batchSize, steps } = workload;
  return { model, batchSize, sampleSteps: steps, lengths: lengthsOf(randomData(workload)) };
}

/** Checks on two sequences that the graph computes the logits of the model. */
async function compareLogits(peer: Peer, { model: config, steps }: Workload, model: SequenceClassifier) {
  const inputs = Float32Array.from({ length: 2 * steps * config.inputSize }, (_, i) => Math.sin(i));
  const lengths = config.head === 'flatten' ? [steps, steps] : [steps, steps - 3];
  const ours = await model.forward({ inputs, batchSize: 2, steps, lengths: Int32Array.from(lengths) });
  const { logits } = await peer.ask({ ask: 'logits', inputs: [...inputs], lengths });
  const theirs = Array.isArray(logits) ? logits.map(Number) : [];
  const furthest = Math.max(...ours.logits.map((logit, i) => Math.abs(logit - theirs[i])));
  // Logits are float32 sums of up to 14,336 products, which the two add in different orders.
  if (!(furthest < 1e-4)) throw new Error(`bench: ONNX Runtime's logits differ from ours by ${furthest}`);
}
