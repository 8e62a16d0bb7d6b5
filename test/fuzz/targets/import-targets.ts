/** From the tensors of a hostile file to a network: shapes and names that contradict each other. */
import assert from 'node:assert/strict';
import { type ImportChoices, networkOf } from '#src/exchange/import.js';
import { readForeignSafetensors } from '#src/exchange/safetensors/read-foreign-safetensors.js';
import { type TensorToWrite, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { type ClassifierConfig, HEADS } from '#src/model/classifier-config.js';
import type { Random } from '#src/random.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { UserError } from '#src/user-error.js';
import { parametersOf, renamed } from '../../exchange/import/foreign-network.js';
import { chance, mutateBytes, pick } from '../mutations/byte-mutations.js';
import type { Input, Openers } from '../target.js';

const MODULES = ['', 'lstm', 'LSTM', 'rnn', 'a.b', '__proto__', 'fc'];
/** Parts of names that tell what a tensor is. */
const PARTS = [
  'weight_ih_l0',
  'weight_hh_l1',
  'weight_hr_l0',
  'bias_ih_l9999',
  'running_mean',
  'weight',
  'bias',
  'l0',
];
const CHOICES: readonly ImportChoices[] = [
  {},
  ...HEADS.map((head) => ({ head })),
  { kind: 'images', picture: { height: 4, width: 4 } },
  { kind: 'strokes', head: 'last' },
  { channelsImg: 3, sequenceLength: 4 },
];

function anyNetwork(random: Random): Map<string, TensorToWrite> {
  const config: ClassifierConfig = {
    inputSize: pick(random, [1, 2, 4, 7]),
    hiddenSize: 1 + random.below(4),
    numLayers: 1 + random.below(3),
    bidirectional: chance(random, 0.5),
    numClasses: 1 + random.below(5),
    head: pick(random, HEADS),
    sequenceLength: 1 + random.below(5),
  };
  return renamed(parametersOf(config), pick(random, MODULES), pick(random, MODULES));
}

/** Tensors that are missing, renamed, of another shape, or of two networks. */
function mutateNetwork(random: Random, tensors: Map<string, TensorToWrite>): void {
  const name = pick(random, [...tensors.keys()]);
  const tensor = tensors.get(name);
  if (tensor === undefined) return;
  switch (random.below(4)) {
    case 0:
      tensors.delete(name);
      break;
    case 1:
      tensors.delete(name);
      tensors.set(`${pick(random, MODULES)}.${pick(random, PARTS)}`, tensor);
      break;
    case 2:
      tensors.set(name, reshaped(random));
      break;
    default:
      for (const [other, each] of anyNetwork(random)) if (chance(random, 0.3)) tensors.set(other, each);
  }
}

function reshaped(random: Random): TensorToWrite {
  const shape = Array.from({ length: random.below(4) }, () => random.below(9));
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  return { shape, data: data.fill(pick(random, [0, 1, Number.NaN, Number.POSITIVE_INFINITY])) };
}

function make(random: Random): Input {
  const tensors = anyNetwork(random);
  for (let n = random.below(4); n > 0 && tensors.size > 0; n--) mutateNetwork(random, tensors);
  const bytes = writeSafetensors(tensors);
  return chance(random, 0.1) ? mutateBytes(random, bytes) : bytes;
}

/** A network that comes in is one that a checkpoint holds. */
function run(file: Input): void {
  const foreign = readForeignSafetensors(file, 'model.safetensors');
  let refusal: UserError | null = null;
  let accepted = 0;
  for (const choices of CHOICES) {
    try {
      const { parameters, model, preprocessing, classes, assumptions } = networkOf(foreign, 'model', choices);
      const bytes = encodeCheckpoint({ parameters, model, preprocessing, classes });
      assert.deepEqual(decodeCheckpoint(bytes, 'checkpoint').model, model);
      for (const { text } of assumptions) assert.match(text, /^\P{Cc}{1,300}$/u);
      accepted++;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refusal = error;
    }
  }
  if (accepted === 0 && refusal !== null) throw refusal;
}

export const OPENERS: Openers = { 'foreign-network': async () => ({ make, run }) };
