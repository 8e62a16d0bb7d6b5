/** Ranks classes by probability, formats probabilities, and gives each class its colour. */

/** Hue of a class in degrees. Neighbouring classes get distant hues. The style sheet turns hues into colours. */
export function classHue(index: number, count: number): number {
  const turns = count % 3 === 0 ? 0.382 : 3 / count;
  return Math.round(360 * ((0.7 + index * turns) % 1));
}

/** The likeliest classes, and whether the answer is certain. */
export interface Verdict {
  /** Indices of up to three classes, likeliest first. Ties are in class order. */
  top: number[];
  /** The likeliest class has a probability below `sureFrom`. */
  unsure: boolean;
}

/**
 * @param probabilities [K]
 * @param sureFrom below this probability the answer counts as unsure
 */
export function verdictOf(probabilities: Float32Array, sureFrom: number): Verdict {
  const top = [...probabilities.keys()]
    .sort((a, b) => probabilities[b] - probabilities[a] || a - b)
    .slice(0, 3);
  return { top, unsure: probabilities[top[0]] < sureFrom };
}

/** `98 %`, `99.4 %`, `<0.1 %`. Never rounds to 100 % or 0 %. */
export function formatChance(probability: number): string {
  const percent = probability * 100;
  // The no-break space keeps the percent sign on the number's line.
  const text = (number: string) => `${number}\u00a0%`;
  if (percent >= 99.95) return text(percent === 100 ? '100' : '>99.9');
  if (percent >= 99) return text(percent.toFixed(1));
  if (percent >= 1) return text(String(Math.round(percent)));
  return text(percent < 0.1 ? '<0.1' : percent.toFixed(1));
}

/** A name of one or two letters is shown large, a longer one smaller. Browsers without Segmenter count code points. */
export function sizeOf(name: string): string {
  const letters = [...(Intl.Segmenter ? new Intl.Segmenter().segment(name) : name)].length;
  return letters <= 2 ? 'letter' : letters <= 8 ? 'word' : 'phrase';
}
