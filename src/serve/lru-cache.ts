/** LRU cache of promises. */
export class LruCache<T> {
  /** In the order of use, the most recent last. */
  readonly #values = new Map<string, Promise<T>>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * The value of a key.
   * @param make makes a missing value, once for all concurrent calls; a rejected promise is not cached
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
