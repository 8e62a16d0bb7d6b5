/**
 * A trained network for recognition: checkpoint bytes and an input → probabilities, also point by point, hidden states
 * and input gradients. The command line, the server and the page all use this file for inference.
 */
import type { Backend, DeviceBackend, Precision } from '../backends/backend.js';
import type { KindName, Preprocessing } from '../data/input-kind.js';
import { kindOf } from '../data/kinds.js';
import type { Sequence } from '../data/sequences/sequence.js';
import { shown } from '../formats/shape.js';
import { SequenceClassifier } from '../model/classifier.js';
import { directionsOf, type ResolvedClassifierConfig } from '../model/classifier-config.js';
import { parameterCount } from '../model/parameters.js';
import type { SequenceStepper } from '../model/stepper.js';
import { type Checkpoint, decodeCheckpoint } from '../runs/checkpoint/checkpoint.js';
import type { RunFacts } from '../runs/run-folder.js';
import { UserError } from '../user-error.js';
import { type PreparedInput, prepareInput, type RecognizerInput, type Seen } from './prepare-input.js';
import { overflow, softmax } from './softmax.js';
import { type Trace, type TraceOptions, traceInput } from './trace.js';

/** What a checkpoint holds. */
export interface RecognizerInfo extends Required<RunFacts> {
  /** Names the network in messages. */
  name: string;
  /** The kind of input that the network reads. */
  kind: KindName;
  /** [K] names of the classes, in the order of the probabilities. */
  classes: string[];
  /** Number of trained values. */
  parameters: number;
  /** The sizes of the network. */
  model: ResolvedClassifierConfig;
  /** How inputs become sequences. */
  preprocessing: Preprocessing;
  /** The logits are divided by this before the softmax, so that probabilities agree with accuracy; 1 if none was fitted. */
  temperature: number;
}

/** A class with its probability. */
export interface Guess {
  /** Index of the class, 0 to K - 1. */
  index: number;
  /** Name of the class. */
  class: string;
  /** 0 to 1. */
  probability: number;
}

/** The answer to an input. */
export interface Recognition {
  /** [K] probabilities of the classes, scaled by the network's temperature; their sum is 1. */
  probabilities: Float32Array;
  /** The likeliest classes, at most three, likeliest first. */
  top: Guess[];
  /** The probability of the likeliest class is below 0.7. */
  unsure: boolean;
}

/** Input, hidden states and gradients of a network for one input; of several views, of the first. */
export interface Inspection {
  /** The answer, as `recognize` gives it. */
  recognition: Recognition;
  /** The input in the form in which the network reads it. */
  saw: Seen;
  /** T: length of the sequence. */
  steps: number;
  /** [T, I] the sequence. */
  sequence: Float32Array;
  /** U = L·D·H: hidden units of all layers and directions. */
  units: number;
  /** [T, U] hidden states after each step, layer by layer, forward then reverse. */
  hidden: Float32Array;
  /** [T, I] gradient of the likeliest class's cross-entropy with respect to the sequence. */
  inputGradient: Float32Array;
  /** [pixels] the same gradient in the order of the picture's pixels; null for strokes. */
  pixelGradient: Float32Array | null;
}

/** Options of `openRecognizer`. */
export interface RecognizerOptions {
  /**
   * Precision of the answers of `recognize` and `probabilitiesOf`. bfloat16 is faster where the processor multiplies it.
   * Default float32; a GPU has no other.
   */
  precision?: Precision;
}

/** Answers with a lower probability are marked as unsure. */
export const SURE_FROM = 0.7;

/** Largest batch: sequences, and sequences × steps of the longest. */
const MAX_BATCH = 64;
const MAX_BATCH_ROWS = 2 ** 16;

/**
 * Opens a checkpoint for recognition.
 *
 * @param bytes content of best.safetensors or last.safetensors; not kept
 * @param backend computes; it stays the caller's, and must stay open
 * @param about `name` is the file's name in messages; the rest is copied into `Recognizer.info`
 * @param options precision of the answers
 * @returns a recognizer; `close` frees its memory
 * @throws UserError for a file that is damaged or no checkpoint of a run, for parts of it that contradict each other, and
 *   for weights that are not finite, and for a precision that the backend does not have
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { openBackend, openRecognizer } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const bytes = await readFile('runs/my-run/best.safetensors');
 * const recognizer = openRecognizer(bytes, backend, { name: 'my-run' });
 * const [answer] = await recognizer.recognize([
 *   { kind: 'drawing', strokes: [{ xs: [10, 60], ys: [20, 90] }] },
 * ]);
 * console.log(answer?.top[0]); // { index, class, probability }; undefined for an empty drawing
 * recognizer.close();
 */
export function openRecognizer(
  bytes: Uint8Array,
  backend: Backend | DeviceBackend,
  about: RunFacts & { name: string },
  options: RecognizerOptions = {},
): Recognizer {
  return recognizerOf(decodeCheckpoint(bytes, about.name), backend, about, options);
}

/** As `openRecognizer`, of a checkpoint that has been read. */
export function recognizerOf(
  checkpoint: Checkpoint,
  backend: Backend | DeviceBackend,
  about: RunFacts & { name: string },
  { precision = 'float32' }: RecognizerOptions = {},
): Recognizer {
  const info = infoOf(checkpoint, about);
  const { sequenceLength, ...model } = info.model;
  const config = { ...model, sequenceLength: sequenceLength ?? undefined };
  const { parameters } = checkpoint;
  const classifier = new SequenceClassifier(config, backend, { parameters, precision });
  return new Recognizer(classifier, info, backend.name !== 'webgpu' && precision === 'float32');
}

/**
 * Says what a checkpoint holds, without a backend.
 *
 * @param bytes content of best.safetensors or last.safetensors
 * @param about as for `openRecognizer`
 * @throws UserError as `openRecognizer`
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { describeCheckpoint } from 'scanstroke';
 *
 * const bytes = await readFile('runs/my-run/best.safetensors');
 * const { kind, classes, parameters } = describeCheckpoint(bytes, { name: 'my-run' });
 * console.log(kind, classes, parameters); // images [ '0', '1', … ] 233482
 */
export function describeCheckpoint(bytes: Uint8Array, about: RunFacts & { name: string }): RecognizerInfo {
  return infoOf(decodeCheckpoint(bytes, about.name), about);
}

function infoOf(checkpoint: Checkpoint, about: RunFacts & { name: string }): RecognizerInfo {
  const { name, preset = null, testAccuracy = null } = about;
  const { preprocessing, model, classes, temperature = 1 } = checkpoint;
  return {
    name,
    preset,
    testAccuracy,
    kind: preprocessing.kind,
    classes,
    parameters: parameterCount(model),
    model,
    preprocessing,
    temperature,
  };
}

/**
 * Recognises inputs with a trained network; `openRecognizer` opens it.
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { openBackend, openRecognizer } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const bytes = await readFile('runs/my-run/best.safetensors');
 * const recognizer = openRecognizer(bytes, backend, { name: 'my-run' });
 * const strokes = [{ xs: [10, 60, 60], ys: [20, 20, 90] }];
 * const trace = await recognizer.trace({ kind: 'drawing', strokes });
 * console.log(trace?.moments); // [1, 2, 3]: the answers after each point of the pen
 * const inspection = await recognizer.inspect({ kind: 'drawing', strokes });
 * console.log(inspection?.recognition.top, inspection?.hidden.length); // T · U hidden states
 * recognizer.close();
 */
export class Recognizer implements Disposable {
  /** What the checkpoint holds. */
  readonly info: RecognizerInfo;
  /** Runs the network step by step; null for bidirectional networks, the head `flatten`, 16-bit precision and on a GPU. */
  readonly stepper: SequenceStepper | null;
  readonly #classifier: SequenceClassifier;

  /** For `openRecognizer`. The classifier is the recognizer's from here on. @param canStep its backend has a stepper */
  constructor(classifier: SequenceClassifier, info: RecognizerInfo, canStep = true) {
    this.#classifier = classifier;
    this.info = info;
    const { bidirectional, head } = info.model;
    try {
      this.stepper = !canStep || bidirectional || head === 'flatten' ? null : classifier.stepper();
    } catch (error) {
      classifier.close();
      throw error;
    }
  }

  /** Frees the network's memory, as `using` does; the backend stays open. A closed recognizer cannot be used. */
  close(): void {
    this.stepper?.close();
    this.#classifier.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Recognises inputs, in batches.
   *
   * @returns an answer for each input; null for an input without ink, or with only a dot
   * @throws UserError for the first input that is malformed, or that this network cannot read
   */
  async recognize(inputs: readonly RecognizerInput[]): Promise<(Recognition | null)[]> {
    if (!Array.isArray(inputs)) {
      throw new UserError(`recognize: expected a list of inputs, found ${shown(inputs)}; give [input]`);
    }
    const prepared = inputs.map((input: RecognizerInput) => this.prepare(input));
    const recognitions = await this.recognizePrepared(prepared.filter((each) => each !== null));
    let n = 0;
    return prepared.map((each) => each && recognitions[n++]);
  }

  /**
   * Turns an input into the sequence that the network reads.
   *
   * @param input a picture, moves or a drawing
   * @returns null for an input without ink, or with only a dot
   * @throws UserError if the input is malformed, or this network cannot read it
   */
  prepare(input: RecognizerInput): PreparedInput | null {
    return prepareInput(input, this.info.preprocessing);
  }

  /** Recognises inputs that `prepare` prepared, in batches. */
  async recognizePrepared(prepared: readonly PreparedInput[]): Promise<Recognition[]> {
    return (await this.probabilitiesOf(prepared)).map((probabilities) => this.#recognition(probabilities));
  }

  /**
   * Computes the probabilities after each point of the pen, or after each step of the network.
   *
   * @param input a picture, moves or a drawing
   * @param options after which points or steps
   * @returns null for an input without ink, or with only a dot
   * @throws UserError if the input is malformed, this network cannot read it, or the options ask for no moments
   */
  async trace(input: RecognizerInput, options: TraceOptions = {}): Promise<Trace | null> {
    return traceInput(this, input, options);
  }

  /**
   * Computes hidden states and gradients of the network for an input.
   *
   * @param input a picture, moves or a drawing
   * @returns null for an input without ink, or with only a dot
   * @throws UserError if the input is malformed, or this network cannot read it
   */
  async inspect(input: RecognizerInput): Promise<Inspection | null> {
    const prepared = this.prepare(input);
    if (prepared === null) return null;
    const { saw, steps, sequence } = prepared;
    const batch = { inputs: sequence, batchSize: 1, steps };
    const { layers } = await this.#classifier.forward(batch, { states: true });
    const [recognition] = await this.recognizePrepared([prepared]);
    const { numLayers, hiddenSize } = this.info.model;
    const width = directionsOf(this.info.model) * hiddenSize;
    const units = numLayers * width;
    const hidden = new Float32Array(steps * units);
    layers?.forEach((outputs, layer) => {
      for (let t = 0; t < steps; t++) {
        hidden.set(outputs.subarray(t * width, (t + 1) * width), t * units + layer * width);
      }
    });
    const labels = Int32Array.of(recognition.top[0].index);
    const { inputGradient } = await this.#classifier.gradients({ ...batch, labels }, { inputGradient: true });
    if (!inputGradient!.every(Number.isFinite)) throw overflow(this.info.name, 'gradient');
    return {
      recognition,
      saw,
      steps,
      sequence,
      units,
      hidden,
      inputGradient: inputGradient!,
      pixelGradient: kindOf(this.info.preprocessing).pixelGradient(
        inputGradient!,
        this.info.preprocessing,
        saw,
      ),
    };
  }

  /**
   * Computes the probabilities of sequences, in batches: the softmax of the logits divided by `info.temperature`. Of an
   * input with several views, the logits are the mean of all.
   *
   * @param sequences [T, I] each, already preprocessed
   * @returns [K] for each sequence
   */
  async probabilitiesOf(
    sequences: readonly Pick<PreparedInput, 'steps' | 'sequence' | 'views'>[],
  ): Promise<Float32Array[]> {
    const logits = await this.#logitsOf(sequences.flatMap((each) => [each, ...(each.views ?? [])]));
    let n = 0;
    return sequences.map(({ views = [] }) => {
      const own = logits.slice(n, n + 1 + views.length);
      n += own.length;
      return softmax(views.length > 0 ? mean(own) : own[0], this.info);
    });
  }

  /** [K] for each sequence. */
  async #logitsOf(sequences: readonly Sequence[]): Promise<Float32Array[]> {
    const { inputSize, numClasses } = this.info.model;
    const result: Float32Array[] = [];
    for (let first = 0; first < sequences.length; ) {
      let end = first;
      let steps = 0;
      while (end < sequences.length && end - first < MAX_BATCH) {
        const longest = Math.max(steps, sequences[end].steps);
        if (end > first && longest * (end + 1 - first) > MAX_BATCH_ROWS) break;
        steps = longest;
        end++;
      }
      const part = sequences.slice(first, end);
      const inputs = new Float32Array(part.length * steps * inputSize);
      part.forEach(({ sequence }, b) => {
        inputs.set(sequence, b * steps * inputSize);
      });
      const lengths = Int32Array.from(part, (each) => each.steps);
      const { logits } = await this.#classifier.forward({ inputs, batchSize: part.length, steps, lengths });
      for (let b = 0; b < part.length; b++) {
        result.push(logits.subarray(b * numClasses, (b + 1) * numClasses));
      }
      first = end;
    }
    return result;
  }

  #recognition(probabilities: Float32Array): Recognition {
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a] || a - b);
    const top = order.slice(0, 3).map(
      (index): Guess => ({
        index,
        class: this.info.classes[index],
        probability: probabilities[index],
      }),
    );
    return { probabilities, top, unsure: top[0].probability < SURE_FROM };
  }
}

/** The mean of vectors of one length. */
function mean(vectors: readonly Float32Array[]): Float32Array {
  return vectors[0].map((_, k) => vectors.reduce((sum, vector) => sum + vector[k], 0) / vectors.length);
}
