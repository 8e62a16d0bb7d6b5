/** Values that are dear to make, by their keys: the last few that were asked for. */
export class Kept<T> {
  /** The one that was asked for last is the last. */
  readonly #values = new Map<string, Promise<T>>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * The value of a key.
   * @param make makes it; for all who ask meanwhile, it is made once. A failure is not kept
   */
  get(key: string, make: () => Promise<T>): Promise<T> {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    value.catch(() => {
      if (this.#values.get(key) === value) this.#values.delete(key);
    });
    const [oldest] = this.#values.keys();
    if (this.#values.size > this.#most) this.#values.delete(oldest);
    return value;
  }
}
