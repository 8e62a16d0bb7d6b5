/** The settings of a run that follow from a network: its inputs and its sizes. */
import type { Preprocessing } from '../../../data/input-kind.js';
import type { ResolvedClassifierConfig } from '../../../model/classifier-config.js';
import type { TrainConfig } from '../../config/options.js';

/** The settings of a run that are a network's inputs. */
export function inputSettings(preprocessing: Preprocessing): Partial<TrainConfig> {
  if (preprocessing.kind === 'strokes') {
    const {
      order,
      scale,
      position = false,
      context = false,
      sorted = false,
      viewRotation = 0,
      deslant = false,
    } = preprocessing;
    return {
      strokeOrder: order,
      strokeScale: scale,
      strokePosition: position,
      strokeContext: context,
      strokeSort: sorted,
      viewRotation,
      deslant,
    };
  }
  const { channels, sequenceLength, permutationSeed: permute, scan = 'rows', mean, std } = preprocessing;
  const { edges = false, deslant = false } = preprocessing;
  return {
    channelsImg: channels,
    sequenceLength,
    permute,
    scan,
    edges,
    deslant,
    pixelMean: mean,
    pixelStd: std,
  };
}

/** The settings of a run that are a network's sizes. */
export function modelSettings(model: ResolvedClassifierConfig): Partial<TrainConfig> {
  const { inputSize, hiddenSize, numLayers, bidirectional, head, dropout, layerDropout } = model;
  const { forgetBias, chronoInit } = model;
  return {
    inputSize,
    hiddenSize,
    numLayers,
    bidirectional,
    head,
    dropoutRate: dropout,
    layerDropout,
    forgetBias: forgetBias === 0 ? null : forgetBias,
    chronoInit,
  };
}
