/**
 * The recurrence of small layers: the whole loop over time inside workgroups, both directions in one dispatch.
 *
 * A workgroup computes a direction of two sequences, with 4H' threads. Weights are the same at all steps: each thread
 * keeps a share in registers, as many as fit, and reads the others from the caches. A step needs one barrier, and
 * steps need no dispatch of their own, which takes longer than the arithmetic of a small layer.
 */
import { type Dispatch, dispatch } from '../kernel.js';
import { type LstmLayer, padded, type Recurrence } from '../verbs.js';
import { LaneExchange } from './lane-exchange.js';
import { loopBackwardKernel } from './loop-backward.js';
import { loopForwardKernel } from './loop-forward.js';
import { loopPanels, loopPanelsWords } from './loop-panels.js';
import { groupsFor, loopReadsInputs, loopShape, SEQUENCES, threadsFor } from './loop-shape.js';

/** What the loop needs to know of a device. */
export interface LoopDevice {
  limits: Pick<
    GPUSupportedLimits,
    'maxComputeInvocationsPerWorkgroup' | 'maxComputeWorkgroupSizeX' | 'maxComputeWorkgroupStorageSize'
  >;
  /** Lanes that every subgroup has at least; null without subgroups. */
  subgroupSize: number | null;
}

/**
 * Whether the loop can compute this layer on this device: H up to 64 on every device, up to 256 on most. Up to 128, half
 * of the weights or more stay in registers; beyond, a processor reads nearly all of them at each step for two sequences.
 */
export function loopFits({ limits, subgroupSize }: LoopDevice, layer: LstmLayer): boolean {
  const units = padded(layer.hiddenSize);
  const threads = threadsFor(units);
  return (
    threads <= limits.maxComputeInvocationsPerWorkgroup &&
    threads <= limits.maxComputeWorkgroupSizeX &&
    workgroupBytes(units, subgroupSize) <= limits.maxComputeWorkgroupStorageSize
  );
}

/** Of the backward pass, which needs more than the forward pass. */
function workgroupBytes(units: number, subgroupSize: number | null): number {
  const exchange = new LaneExchange(threadsFor(units), subgroupSize);
  exchange.swap(4, 'sums', 1);
  exchange.swap(2, 'sums', 2);
  exchange.swap(1, 'sums', 4);
  exchange.swap(1, 'sums', 8);
  return exchange.bytes() + 2 * SEQUENCES * units * 16;
}

export function loopRecurrence({ subgroupSize }: LoopDevice): Recurrence {
  return {
    readsInputs: loopReadsInputs,
    panelsWords: loopPanelsWords,
    panels: loopPanels,
    forward({ layer, batch, storage, panels, inputs, outputs, cells, gates }): Dispatch[] {
      const shape = loopShape(layer, batch.capacity, storage, subgroupSize);
      const slices = { weights: panels, batch: batch.words, inputs, gates, cells, outputs };
      return [dispatch(loopForwardKernel(shape), slices, groupsFor(shape))];
    },
    scratchWords: () => 0,
    backward({ layer, batch, storage, panels, cells, gates, dOutputs }): Dispatch[] {
      const shape = loopShape(layer, batch.capacity, storage, subgroupSize);
      const slices = { weights: panels, batch: batch.words, cells, dOutputs, gates };
      return [dispatch(loopBackwardKernel(shape), slices, groupsFor(shape))];
    },
  };
}
