/** The nearest examples as what recognises single symbols, so that a word is read before a network is taught. */
import type { Preprocessing } from '#src/data/input-kind.js';
import { type PreparedInput, prepareInput, type RecognizerInput } from '#src/recognize/prepare-input.js';
import { type Recognition, SURE_FROM } from '#src/recognize/recognizer.js';
import type { SymbolRecognizer } from '#src/recognize/symbols/read-symbols.js';
import type { Features } from '#src/teach/features.js';
import type { Nearest } from '#src/teach/nearest.js';

export class ExamplesRecognizer implements SymbolRecognizer {
  readonly info: SymbolRecognizer['info'];
  readonly #features: Features;
  readonly #nearest: Nearest;
  readonly #inputs = new WeakMap<PreparedInput, Extract<RecognizerInput, { kind: 'drawing' }>>();

  /**
   * @param preprocessing of the network of the features
   * @param classes ids of classes with an example, in any order; `none` is added
   */
  constructor(
    features: Features,
    nearest: Nearest,
    preprocessing: Preprocessing,
    classes: readonly string[],
  ) {
    this.#features = features;
    this.#nearest = nearest;
    this.info = { name: 'the nearest examples', classes: [...classes, 'none'], preprocessing };
  }

  prepare(input: RecognizerInput): PreparedInput | null {
    const prepared = prepareInput(input, this.info.preprocessing);
    if (prepared && input.kind === 'drawing') this.#inputs.set(prepared, input);
    return prepared;
  }

  async recognizePrepared(prepared: readonly PreparedInput[]): Promise<Recognition[]> {
    const features = await this.#features.ofAll(
      prepared.map((each) => this.#inputs.get(each) ?? { strokes: [] }),
    );
    return features.map((feature) => this.#recognitionOf(feature));
  }

  #recognitionOf(feature: Float32Array | null): Recognition {
    const { classes } = this.info;
    const probabilities = new Float32Array(classes.length);
    const answer = feature && this.#nearest.answer(feature);
    const none = answer?.none ?? 1;
    answer?.classes.forEach((id, k) => {
      probabilities[classes.indexOf(id)] = answer.probabilities[k] * (1 - none);
    });
    probabilities[classes.length - 1] = none;
    const top = [...probabilities.keys()]
      .sort((a, b) => probabilities[b] - probabilities[a] || a - b)
      .slice(0, 3)
      .map((index) => ({ index, class: classes[index], probability: probabilities[index] }));
    return { probabilities, top, unsure: top[0].probability < SURE_FROM };
  }
}
