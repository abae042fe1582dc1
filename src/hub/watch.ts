/** Ends requests to servers that fell silent. */

const STALLED = Symbol("stalled");

/** Ends an attempt when no data arrives for a while, or when the caller aborts. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #stop = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(stallMs: number, outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#outer = outer;
    outer?.addEventListener("abort", this.#stop, { once: true });
    this.#timer = setTimeout(() => this.#controller.abort(STALLED), stallMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the silence that ended it. */
  get isStalled(): boolean {
    return this.#controller.signal.reason === STALLED;
  }

  /** Data came. */
  touch(): void {
    this.#timer.refresh();
  }

  /** Waits for a step of the attempt, and no longer than it lasts: an aborted fetch does not always settle. */
  during<T>(step: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      step.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  /** Aborting an answer that was read to its end does nothing; another one's connection is closed by it. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#stop);
    this.#controller.abort(STALLED);
  }
}
