/** Classes in the order of their probability, and the colour that a class has wherever it is shown. */

/** Neighbouring classes get hues far apart, so that they part in a stack. The style sheet makes colours of hues. */
export function classHue(index: number, count: number): number {
  const turns = count % 3 === 0 ? 0.382 : 3 / count;
  return Math.round(360 * ((0.7 + index * turns) % 1));
}

/** What is said of a drawing's class, by the probability of the likeliest. */
export interface Verdict {
  /** [3] indices of the likeliest classes, likeliest first; fewer if there are fewer. */
  top: number[];
  /** The likeliest class is no more than a guess. */
  unsure: boolean;
}

/** @param sureFrom below this probability the answer is a guess */
export function verdictOf(probabilities: Float32Array, sureFrom: number): Verdict {
  const top = [...probabilities.keys()]
    .sort((a, b) => probabilities[b] - probabilities[a] || a - b)
    .slice(0, 3);
  return { top, unsure: probabilities[top[0]] < sureFrom };
}

/** `98 %`, `99.9 %`, `<0.1 %`: short, and never 100 % or 0 % of what is not quite. */
export function formatChance(probability: number): string {
  const percent = probability * 100;
  // No line begins with a percent sign.
  const text = (number: string) => `${number}\u00a0%`;
  if (percent >= 99.95) return text(percent === 100 ? '100' : '>99.9');
  if (percent >= 99) return text(percent.toFixed(1));
  if (percent >= 1) return text(String(Math.round(percent)));
  return text(percent < 0.1 ? '<0.1' : percent.toFixed(1));
}
