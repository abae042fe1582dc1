/** Keeps the scores of what is written: asks for what changed, and stops what is no longer wanted. */
import { ApiError, score } from "./api.ts";
import { itemOfReply, shownReply } from "./shown.ts";
import type { Store } from "./store.ts";
import { type Item, isScore, type Outcome } from "./types.ts";

/** Shorter than a reader notices, longer than between two keys. */
const DEBOUNCE = 250;
const RETRY = 1500;
/** Results are small, except those with a reward for each token. */
const MAX_CACHED = 2000;

interface Wanted {
  readonly reply: number;
  readonly item: Item;
  readonly key: string;
  readonly perToken: boolean;
}

interface Running {
  readonly keys: ReadonlySet<string>;
  readonly controller: AbortController;
}

export class Scoring {
  readonly #store: Store;
  /** By item and heads; Map keeps the order of insertion, so the oldest goes first. */
  readonly #cache = new Map<string, Outcome>();
  readonly #running = new Set<Running>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Call after every change of texts, selection or heads. @param isTyped more may follow at once */
  changed(isTyped = false): void {
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), isTyped ? DEBOUNCE : 0);
  }

  /** Forgets what the server said, for another model. */
  reset(): void {
    this.#cache.clear();
    for (const { controller } of this.#running) controller.abort();
    this.#running.clear();
    this.changed();
  }

  #wanted(): Wanted[] {
    const { state } = this.#store;
    const heads = state.otherHead !== undefined;
    const inDetail = shownReply(state)?.id;
    return state.replies.flatMap((reply) => {
      const { id } = reply;
      const item = itemOfReply(state, reply);
      return item === undefined
        ? []
        : [{ reply: id, item, key: JSON.stringify([heads, item]), perToken: id === inDetail }];
    });
  }

  #has({ key, perToken }: Wanted): boolean {
    const found = this.#cache.get(key);
    return found !== undefined && (!perToken || !isScore(found) || found.tokenRewards !== undefined);
  }

  #ask(): void {
    const wanted = this.#wanted();
    const known = new Set(wanted.map(({ key }) => key));
    for (const running of this.#running) {
      if ([...running.keys].every((key) => known.has(key.slice(1)))) continue;
      running.controller.abort();
      this.#running.delete(running);
    }
    const asked = new Set([...this.#running].flatMap(({ keys }) => [...keys]));
    const missing = wanted.filter((one) => !this.#has(one) && !asked.has(runningKey(one)));
    for (const perToken of [false, true]) {
      // Those for which a request with single tokens is asked anyway are not asked twice.
      const own = new Map(missing.filter((one) => one.perToken === perToken).map((one) => [one.key, one]));
      if (own.size > 0) void this.#request([...own.values()], perToken);
    }
    this.#show();
  }

  async #request(wanted: readonly Wanted[], perToken: boolean): Promise<void> {
    const controller = new AbortController();
    const running = { keys: new Set(wanted.map(runningKey)), controller };
    this.#running.add(running);
    try {
      const { signal } = controller;
      const allHeads = this.#store.state.otherHead !== undefined;
      const items = wanted.map(({ item }) => item);
      for await (const { index, outcome } of score({ items, perToken, allHeads, signal })) {
        const one = wanted[index];
        if (one !== undefined) this.#keep(one.key, outcome);
        this.#show();
      }
      this.#running.delete(running);
      if (this.#store.state.failure !== undefined) this.#store.update({ failure: undefined });
      // Now it is known which is the best, and its single tokens are shown.
      this.#show();
      this.#ask();
    } catch (error) {
      this.#running.delete(running);
      if (controller.signal.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof ApiError && error.status === 401)
        this.#store.update({ server: { status: "locked", wasWrong: true } });
      else {
        // Busy, or starting again: the same is worth another try.
        const isPassing = error instanceof ApiError && [0, 429, 503].includes(error.status);
        this.#store.update({ failure: isPassing ? `${message} Trying again…` : message });
        // A process that started again may hold another model, whose scores cannot be compared with those from before.
        this.#cache.clear();
        if (isPassing) this.#retry();
      }
    } finally {
      this.#show();
    }
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), RETRY);
  }

  #keep(key: string, outcome: Outcome): void {
    this.#cache.delete(key);
    this.#cache.set(key, outcome);
    if (this.#cache.size <= MAX_CACHED) return;
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined) this.#cache.delete(oldest);
  }

  #show(): void {
    const { state } = this.#store;
    const outcomes = new Map<number, Outcome>();
    const stale = new Set<number>();
    for (const { reply, key } of this.#wanted()) {
      const outcome = this.#cache.get(key);
      // What was true a moment ago stays, greyed, so that nothing jumps while someone types.
      const shown = outcome ?? state.outcomes.get(reply);
      if (shown !== undefined) outcomes.set(reply, shown);
      if (outcome === undefined) stale.add(reply);
    }
    const isScoring = this.#running.size > 0;
    const isSame = isScoring === state.isScoring && sameMembers(stale, state.stale);
    if (!isSame || !sameEntries(outcomes, state.outcomes)) this.#store.update({ outcomes, stale, isScoring });
  }
}

function runningKey({ key, perToken }: Wanted): string {
  return (perToken ? "t" : "s") + key;
}

function sameEntries<K, V>(one: ReadonlyMap<K, V>, other: ReadonlyMap<K, V>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

function sameMembers<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && [...one].every((member) => other.has(member));
}
