/** What a network on a GPU is built for, and the sizes that follow. */
import type { BatchCapacity } from '../../backends/webgpu/batch-layout.js';
import type { Slice } from '../../backends/webgpu/kernel.js';
import type { Head, LstmLayer, Storage } from '../../backends/webgpu/verbs.js';
import {
  directionsOf,
  eachDirection,
  eachLayer,
  type ResolvedClassifierConfig,
} from '../classifier-config.js';
import { lstmSuffix, type ParameterLayout } from '../parameters.js';
import type { Precision } from '../workspace.js';

export interface DevicePlan {
  config: ResolvedClassifierConfig;
  /** The largest pass. */
  capacity: BatchCapacity;
  /** Of training. Inference is float32. */
  precision: Precision;
  /** Also holds the buffers that the backward pass needs. */
  training: boolean;
  /** A training pass also computes the gradient of the inputs. */
  inputGradient: boolean;
  /** Outputs, cells and logits of every pass can be read: no kernel computes several layers at once. */
  keepsAll: boolean;
}

/** Device memory that a plan needs, without parameters and gradients. */
export interface DeviceMemory {
  /** Of all buffers. */ bytes: number;
  /** Of the largest buffer, which the device limits (`maxStorageBufferBindingSize`). */ largest: number;
}

/** Gives a buffer of words of 32 bits. @param content of the buffer; default zeros */
export type Allocate = (words: number, content?: Uint32Array) => Slice;

/** The buffers of a pass's batch. Letters: B sequences (lanes · blocks) and N rows of the capacity. */
export interface BatchBuffers {
  /** The words of the pass's layout. */ words: Slice;
  /** [N, I'] floats or, in mixed precision, halves in pairs. */ inputs: Slice;
  /** [B] */ labels: Slice;
  /** [B, 2] keys of dropout. */ dropoutKeys: Slice;
  /** [B, K] */ logits: Slice;
}

/** How the activations of a plan are stored. */
export function storageOf({ training, precision }: Pick<DevicePlan, 'training' | 'precision'>): Storage {
  return training && precision === 'float16' ? 'float16' : 'float32';
}

/** [L] the sizes of the layers, and where their tensors are in the parameters. */
export function deviceLayers(config: ResolvedClassifierConfig, parameters: ParameterLayout): LstmLayer[] {
  const { hiddenSize, inputSize } = config;
  return eachLayer(config, (layer) => ({
    inputs: layer === 0 ? { parts: 1, size: inputSize } : { parts: directionsOf(config), size: hiddenSize },
    hiddenSize,
    tensors: eachDirection(config, (direction) => {
      const suffix = lstmSuffix(layer, direction);
      return {
        weightIh: parameters.offsetOf(`lstm.weight_ih_${suffix}`),
        weightHh: parameters.offsetOf(`lstm.weight_hh_${suffix}`),
        biasIh: parameters.offsetOf(`lstm.bias_ih_${suffix}`),
        biasHh: parameters.offsetOf(`lstm.bias_hh_${suffix}`),
      };
    }),
  }));
}

/** Where the tensors of the linear layer are in the parameters. */
export function linearTensors(parameters: ParameterLayout): { weight: number; bias: number } {
  return { weight: parameters.offsetOf('fc.weight'), bias: parameters.offsetOf('fc.bias') };
}

/** The features that the linear layer reads. */
export function deviceHead(config: ResolvedClassifierConfig): Head {
  return {
    name: config.head,
    layers: config.numLayers,
    directions: directionsOf(config),
    hiddenSize: config.hiddenSize,
    steps: config.sequenceLength ?? 1,
  };
}
