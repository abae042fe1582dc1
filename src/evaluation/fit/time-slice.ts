/** Keeps a long computation on the JS thread from blocking the event loop, and makes it abortable. */

/** Timers, I/O and signals wait at most this long. */
const SLICE_MS = 20;

/** Shared by all parts of one computation: `if (slice.isOver) await slice.yieldToEventLoop();` */
export class TimeSlice {
  readonly signal: AbortSignal | undefined;
  #end = performance.now() + SLICE_MS;

  constructor(signal?: AbortSignal) {
    this.signal = signal;
  }

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  /** @throws the signal's reason when it is aborted */
  async yieldToEventLoop(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.signal?.throwIfAborted();
    this.#end = performance.now() + SLICE_MS;
  }
}
