/** Which kernels compute a layer on a GPU. */
import type { BatchCapacity } from '../../backends/webgpu/batch-layout.js';
import type { GpuDevice } from '../../backends/webgpu/device.js';
import { loopFits, loopRecurrence } from '../../backends/webgpu/loop/loop-recurrence.js';
import { chain } from '../../backends/webgpu/lstm/chain.js';
import { stepTable } from '../../backends/webgpu/lstm/chain-steps.js';
import { lstmKernels } from '../../backends/webgpu/lstm/lstm.js';
import { tilesOf } from '../../backends/webgpu/tuning.js';
import { type LstmKernels, type LstmLayer, padded } from '../../backends/webgpu/verbs.js';
import type { Allocate } from './device-plan.js';

/**
 * Largest padded hidden size for the loop inside workgroups. Each workgroup reads all recurrent weights in each step: for
 * larger layers that takes longer than the dispatches of a chain, whose workgroups share what they read.
 */
const MAX_LOOP_UNITS = 128;

/** The kernels of a layer: the same for all layers but the first, whose inputs differ. */
export function chooseLstm(
  device: GpuDevice,
  layer: LstmLayer,
  { steps }: BatchCapacity,
  allocate: Allocate,
): LstmKernels {
  const { choose } = tilesOf(device);
  if (padded(layer.hiddenSize) <= MAX_LOOP_UNITS && loopFits(device, layer)) {
    return lstmKernels(loopRecurrence(device), choose);
  }
  const table = stepTable(steps);
  return lstmKernels(chain(allocate(table.length, table), choose), choose);
}
