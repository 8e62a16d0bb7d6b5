/** What a whole network computes for a batch, according to the reference backend with float64 buffers. */
import type { ClassifierConfig, ResolvedClassifierConfig } from '#src/model/classifier-config.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { Network } from '#src/model/network.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { openWorkspace, workspaceSize } from '#src/model/workspace.js';
import { Random } from '#src/random.js';
import { oracle } from '../../cases/oracle/comparison.js';

/** A network with random parameters, and a batch of random sequences. */
export interface NetworkCase {
  config: ResolvedClassifierConfig;
  layout: ParameterLayout;
  /** [P] */ parameters: Float32Array;
  /** [B] longest first */ lengths: number[];
  /** [B][T_b · I] */ sequences: Float32Array[];
  /** [B] */ labels: Int32Array;
  labelSmoothing: number;
}

export function networkCase(config: ClassifierConfig, lengths: number[], labelSmoothing = 0): NetworkCase {
  const resolved = resolveClassifierConfig(config);
  const layout = new ParameterLayout(resolved);
  const parameters = new Float32Array(layout.length);
  layout.initialize(resolved, parameters, 7);
  return {
    config: resolved,
    layout,
    parameters,
    lengths,
    sequences: lengths.map((length, b) => {
      const random = new Random(3, b);
      return Float32Array.from({ length: length * resolved.inputSize }, () => 2 * random.uniform() - 1);
    }),
    labels: Int32Array.from(lengths, (_, b) => (7 * b + 3) % resolved.numClasses),
    labelSmoothing,
  };
}

export interface NetworkAnswers {
  /** [B, K] */ logits: Float64Array;
  /** [B] */ losses: Float64Array;
  /** [P] of the mean loss */ gradients: Float64Array;
}

export function oracleAnswers(network: NetworkCase): NetworkAnswers {
  const { config, layout, parameters, lengths, sequences, labels, labelSmoothing } = network;
  const [B, T, I, K] = [lengths.length, lengths[0], config.inputSize, config.numClasses];
  const batchSizes = oracle.allocateInts(T);
  for (const length of lengths) for (let t = 0; t < length; t++) batchSizes[t]++;
  const rows = batchSizes.reduce((sum, running) => sum + running, 0);
  const inputs = oracle.allocate(rows * I);
  let row = 0;
  batchSizes.forEach((running, t) => {
    for (let b = 0; b < running; b++) inputs.set(sequences[b].subarray(t * I, (t + 1) * I), I * row++);
  });
  const allocate = (values: ArrayLike<number>) => {
    const array = oracle.allocate(values.length);
    array.set(values);
    return array;
  };
  const plan = {
    config,
    backend: oracle,
    precision: 'float32' as const,
    capacity: { batchSize: B, steps: T, rows, training: true },
  };
  const { floats, ints } = workspaceSize(plan);
  const workspace = openWorkspace(plan, {
    floats: oracle.allocate(floats),
    ints: oracle.allocateInts(ints),
  });
  const panels = oracle.allocate(Network.panelsLength(config, oracle));
  const model = new Network(config, layout, oracle, allocate(parameters), panels);
  const logits = allocate(
    model.forward({ batchSize: B, steps: T, rows, inputs, batchSizes }, workspace, { dropoutKeys: null }),
  );
  const losses = oracle.allocate(B);
  const dLogits = oracle.allocate(B * K);
  const oracleLabels = oracle.allocateInts(B);
  oracleLabels.set(labels);
  oracle.crossEntropy({
    rows: B,
    classes: K,
    logits,
    labels: oracleLabels,
    labelSmoothing,
    losses,
    dLogits,
    gradientScale: 1 / B,
  });
  const gradients = oracle.allocate(layout.length);
  model.backward(dLogits, gradients);
  const asFloat64 = (values: ArrayLike<number>) => Float64Array.from(values);
  return { logits: asFloat64(logits), losses: asFloat64(losses), gradients: asFloat64(gradients) };
}
