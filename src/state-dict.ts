/** Named tensors: the form in which models, optimisers, checkpoints and programs exchange parameters and gradients. */

/** A dense float32 tensor, row-major. */
export interface TensorData {
  /** e.g. [4H, I] */
  shape: number[];
  /** As many values as the product of the shape. */
  data: Float32Array;
}

/** Tensors by name, e.g. `lstm.weight_ih_l0`; a model's are under PyTorch's names. */
export type StateDict = Map<string, TensorData>;

/** Copies of all tensors. */
export function copyStateDict(tensors: StateDict): StateDict {
  const copy: StateDict = new Map();
  for (const [name, { shape, data }] of tensors) copy.set(name, { shape: [...shape], data: data.slice() });
  return copy;
}
