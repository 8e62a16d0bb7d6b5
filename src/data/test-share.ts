/** Which of a person's own examples are for the test where the data do not say, as of pictures and of drawings. */

/** Every seventh example of a class is for the test, a share like MNIST's. */
const TEST_SHARE = 7;
/** Of a class with fewer than seven examples the last is for the test, if two are left to train on and to validate. */
export const FEWEST_TO_TEST = 3;

/** Every how many examples of a class one is for the test; 0 if none is. @param count examples of the class */
function every(count: number): number {
  return count < FEWEST_TO_TEST ? 0 : Math.min(TEST_SHARE, count);
}

/**
 * Decides for one example after the other, in their order.
 * @param counts examples of each class
 * @returns a function of the class of the next example: whether it is for the test
 */
export function byTurns(counts: ArrayLike<number>): (label: number) => boolean {
  const seen = new Uint32Array(counts.length);
  return (label) => {
    const share = every(counts[label]);
    return share > 0 && ++seen[label] % share === 0;
  };
}

/** Number of examples that `byTurns` takes for the test. */
export function testCount(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + (every(count) > 0 ? Math.floor(count / every(count)) : 0), 0);
}
