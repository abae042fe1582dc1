/** Long computations on the JS thread let others have their turn, and stop when they are told to. */

/** Other work waits no longer than this. */
const TURN_MS = 20;

/** One for each computation, however many parts that has. */
export class Breather {
  readonly #signal: AbortSignal | undefined;
  #turnEnds = performance.now() + TURN_MS;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether {@link pause} is to be awaited now. */
  get due(): boolean {
    return performance.now() >= this.#turnEnds;
  }

  /** @throws the signal's reason */
  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
    this.#turnEnds = performance.now() + TURN_MS;
  }
}
