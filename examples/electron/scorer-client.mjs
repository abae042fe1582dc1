// The main process's side of the scorer. Knows nothing of Electron: what it asks is a child with `postMessage`, `on` and
// `kill`, as utilityProcess.fork gives.

/**
 * @typedef {object} ScorerChild
 * @property {(message: unknown) => void} postMessage
 * @property {(event: "message" | "exit", listener: (value: any) => void) => unknown} on
 * @property {() => unknown} kill
 *
 * @typedef {{ rank: number, index: number, score: number, response: string, truncated: boolean }} Ranked
 */

export class ScorerClient {
  #start;
  #child;
  #pending = new Map();
  #nextId = 1;

  /** @param {() => ScorerChild} start called for the first request, and again after the child has ended */
  constructor(start) {
    this.#start = start;
  }

  /**
   * @param {{ prompt: string, responses: readonly string[] }} params
   * @param {{ signal?: AbortSignal, onProgress?: (progress: { done: number, total: number }) => void }} [options]
   * @returns {Promise<Ranked[]>} best first
   */
  rank(params, options = {}) {
    return this.#request("rank", params, options);
  }

  /** Ends the child; what is under way is rejected. */
  close() {
    const child = this.#child;
    this.#child = undefined;
    this.#rejectAll(new Error("The scorer was closed."));
    child?.kill();
  }

  #request(method, params, { signal, onProgress }) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = this.#nextId++;
      const child = this.#running();
      const cancel = () => child.postMessage({ cancel: id });
      signal?.addEventListener("abort", cancel, { once: true });
      const done = () => signal?.removeEventListener("abort", cancel);
      this.#pending.set(id, { resolve, reject, onProgress, done });
      child.postMessage({ id, method, params });
    });
  }

  #running() {
    if (this.#child !== undefined) return this.#child;
    const child = this.#start();
    this.#child = child;
    child.on("message", (message) => this.#receive(message));
    child.on("exit", (code) => {
      // An older child that was closed may end after a newer one has started.
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#rejectAll(new Error(`The scorer ended with code ${code}; the next request starts it again.`));
    });
    return child;
  }

  #receive({ id, progress, result, error }) {
    const request = this.#pending.get(id);
    if (request === undefined) return;
    if (progress !== undefined) {
      request.onProgress?.(progress);
      return;
    }
    this.#pending.delete(id);
    request.done();
    if (error === undefined) request.resolve(result);
    else request.reject(Object.assign(new Error(error.message), { code: error.code }));
  }

  #rejectAll(reason) {
    for (const request of this.#pending.values()) {
      request.done();
      request.reject(reason);
    }
    this.#pending.clear();
  }
}
