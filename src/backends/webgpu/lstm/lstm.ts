/**
 * The LSTM verbs of the GPU. A layer's forward pass is one product of all inputs, both directions together, and a loop
 * over time; the backward pass is a loop over time and two products, for the inputs and for the weights.
 *
 * Panels: input weights and biases, then the recurrence's panels, then what only the backward pass reads of the input
 * weights. So the forward pass finds its panels without knowing whether there is a backward pass.
 */
import type { Slice } from '../kernel.js';
import type { LstmKernels, LstmLayer, Recurrence } from '../verbs.js';
import { inputGradient } from './input-gradient.js';
import { inputPanelWords, writeInputPanels } from './input-panels.js';
import { inputProduct } from './input-product.js';
import { partOf } from './layer-sizes.js';
import type { TileChooser } from './tile.js';
import { weightGradient } from './weight-gradient.js';

/** @param recurrence the loop over time @param choose the tiles of the products around it */
export function lstmKernels(recurrence: Recurrence, choose: TileChooser): LstmKernels {
  /** Where the panels lie, in words. */
  const placesOf = (layer: LstmLayer, backward: boolean) => {
    const { weights, bias } = inputPanelWords(layer);
    const recurrentWords = Math.ceil(recurrence.panelsWords(layer, backward) / 64) * 64;
    const backwardWeights = weights + bias + recurrentWords;
    return {
      bias: weights,
      recurrent: weights + bias,
      recurrentWords,
      backwardWeights,
      words: backwardWeights + (backward ? weights : 0),
    };
  };
  const recurrentPanels = (layer: LstmLayer, panels: Slice, backward: boolean): Slice => {
    const { recurrent, recurrentWords } = placesOf(layer, backward);
    return partOf(panels, recurrent, recurrentWords);
  };
  return {
    panelsWords: (layer, backward) => placesOf(layer, backward).words,
    panels: ({ layer, parameters, panels, backward, inputGradient = true }) => {
      const forInputs = { layer, parameters, panels, backward, ...placesOf(layer, backward) };
      const ofRecurrence = recurrentPanels(layer, panels, backward);
      const areRead = !recurrence.readsInputs?.(layer) || (backward && inputGradient);
      return [
        ...(areRead ? [writeInputPanels(forInputs)] : []),
        ...recurrence.panels({ layer, parameters, panels: ofRecurrence, backward }),
      ];
    },
    forward: (args) => {
      const { layer, panels } = args;
      const { weights, bias } = inputPanelWords(layer);
      const product = () =>
        inputProduct(args, partOf(panels, 0, weights), partOf(panels, weights, bias), choose);
      return [
        ...(recurrence.readsInputs?.(layer) ? [] : [product()]),
        ...recurrence.forward({ ...args, panels: recurrentPanels(layer, panels, false) }),
      ];
    },
    scratchWords: recurrence.scratchWords,
    backward: (args) => {
      const { layer, panels, dInputs } = args;
      const { weights } = inputPanelWords(layer);
      const backwardWeights = partOf(panels, placesOf(layer, true).backwardWeights, weights);
      return [
        ...recurrence.backward({ ...args, panels: recurrentPanels(layer, panels, true) }),
        ...(dInputs ? [inputGradient(args, dInputs, backwardWeights, choose)] : []),
        weightGradient(args, choose),
      ];
    },
  };
}
