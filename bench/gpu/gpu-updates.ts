/** Measures the training updates of a workload on a GPU, in float32 and mixed precision, in turns with PyTorch on CUDA. */
import type { DeviceBackend } from '#src/backends/backend.js';
import { deviceOf } from '#src/backends/webgpu/webgpu.js';
import type { Precision } from '#src/model/workspace.js';
import { UserError } from '#src/user-error.js';
import {
  type Activity,
  alternate,
  type Contender,
  type Measurement,
  type Party,
} from '../measure/measurement.js';
import { EngineBench } from '../measure/own-contenders.js';
import { median } from '../measure/statistics.js';
import { forwardFlops, lengthsOf, modelWords, randomData, type Workload } from '../measure/workload.js';
import type { Peers } from '../peers/peers.js';
import type { UpdateFigures } from './gpu-results.js';

/** @param peers null: PyTorch does not take part */
export async function measureUpdates(
  workload: Workload,
  backend: DeviceBackend,
  peers: Peers | null,
  rounds: number,
  progress: (line: string) => void,
): Promise<UpdateFigures> {
  const { name, batchSize } = workload;
  const flops = 3 * forwardFlops(workload, lengthsOf(randomData(workload)));
  const subject = { workload: name, threads: 1, batchSize, flops };
  const device = deviceOf(backend);
  const contenders: Contender[] = [];
  const engines: EngineBench[] = [];
  const failures: string[] = [];
  let dispatches: number | null = null;
  let bytes: number | null = null;

  const add = async (activity: Activity, precision: Precision) => {
    const before = device.bytes;
    const opened = await EngineBench.openGpu(workload, backend, precision).catch((error) => {
      if (error instanceof UserError) return error;
      throw error;
    });
    if (opened instanceof UserError) {
      failures.push(`${precision}: ${opened.message}`);
      return;
    }
    engines.push(opened);
    contenders.push({ ...subject, activity, party: 'webgpu', run: (times) => opened.update(times) });
    if (activity !== 'update') return;
    bytes = device.bytes - before;
    dispatches = (await dispatchesOf(2)) - (await dispatchesOf(1));
    async function dispatchesOf(updates: number): Promise<number> {
      const submitted = device.dispatches;
      await (opened as EngineBench).update(updates);
      return device.dispatches - submitted;
    }
  };

  progress(`${name}: opening`);
  await add('update', 'float32');
  await add('mixed', 'float16');
  const peer = await peers?.pytorchOnGpu(workload);
  if (peer) {
    for (const activity of ['update', 'mixed', 'tf32'] as const) {
      const run = (times: number) => peer.seconds(activity, 1, times);
      contenders.push({ ...subject, activity, party: 'pytorch', run });
    }
  }
  const measured = await alternate(contenders, rounds, (line) => progress(`${name}: ${line}`));
  for (const engine of engines) await engine.close();
  await peer?.close();
  return {
    workload: name,
    model: modelWords(workload),
    batchSize,
    flops,
    float32: secondsOf(measured, 'webgpu', 'update'),
    mixed: secondsOf(measured, 'webgpu', 'mixed'),
    failures,
    dispatches,
    bytes,
    peer: {
      float32: secondsOf(measured, 'pytorch', 'update'),
      tf32: secondsOf(measured, 'pytorch', 'tf32'),
      float16: secondsOf(measured, 'pytorch', 'mixed'),
    },
  };
}

function secondsOf(measured: readonly Measurement[], party: Party, activity: Activity): number | null {
  const found = measured.find((entry) => entry.party === party && entry.activity === activity);
  return found ? median(found.seconds) : null;
}
