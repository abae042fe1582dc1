/** Work: what requests hand over, and how they take part in it. */
import type { NamedItem, ScoreRules, ScoringBackend, ServedScore } from "../contract.ts";

/** The items of one request. */
export interface WorkOrder {
  readonly items: readonly NamedItem[];
  readonly rules: ScoreRules;
  /** Who asks: a key, an address. Clients share the model equally. */
  readonly client: string;
  /** Connections of a client share equally what the client has. */
  readonly connection: string;
  /** Takes back what was not scored yet. */
  readonly signal: AbortSignal;
  /** What its clients recover from when the queue is full. */
  readonly overloadStatus: 429 | 503;
}

export class Work {
  readonly #backend: ScoringBackend;

  constructor(backend: ScoringBackend) {
    this.#backend = backend;
  }

  /** @returns a promise for each item, in order; those of a withdrawn order reject with the signal's reason */
  submit({ items, rules, signal }: WorkOrder): Promise<ServedScore>[] {
    return items.map(({ item, name }) => {
      const pending = this.#backend.score(item, { ...rules, name });
      const promise = new Promise<ServedScore>((resolve, reject) => {
        signal.addEventListener("abort", () => {
          pending.cancel();
          reject(signal.reason as Error);
        });
        pending.promise.then(resolve, reject);
      });
      promise.catch(() => {});
      return promise;
    });
  }
}
