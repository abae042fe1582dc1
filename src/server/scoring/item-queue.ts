/** The items that a scoring process has, or will get: what becomes of them when it dies. */
import { InvalidInputError, reasonOf } from "../../errors.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import type { PendingScore, ServedScore } from "../contract.ts";
import { ScoringUnavailable } from "../scoring-unavailable.ts";
import { isModelGone, type NamedRules, type Outcome, packItem, receivedError, type SentItem } from "./messages.ts";

export interface QueuedRules extends NamedRules {
  /** Of the model that the item is for; default: the one at this moment. */
  readonly generation?: number;
}

interface Entry extends SentItem {
  readonly generation: number;
  readonly resolve: (result: ServedScore) => void;
  readonly reject: (error: Error) => void;
  /** The process still has to answer for it. */
  cancelled: boolean;
  /** A process died that had it. */
  suspect: boolean;
}

export interface Receiver {
  readonly give: (item: SentItem) => void;
  readonly cancel: (id: number) => void;
}

export class ItemQueue {
  readonly #receiver: Receiver;
  #nextId = 1;
  #generation = 0;
  /** Whether a process takes items. */
  #open = false;
  readonly #waiting = new Set<Entry>();
  readonly #suspects = new Set<Entry>();
  /** What the process has, by id. */
  readonly #given = new Map<number, Entry>();
  /** The suspect that it has, by itself. */
  #alone: number | undefined;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  get generation(): number {
    return this.#generation;
  }

  add(item: ScoreItem, { generation = this.#generation, ...rules }: QueuedRules): PendingScore {
    const id = this.#nextId++;
    let entry: Entry | undefined;
    const promise = new Promise<ServedScore>((resolve, reject) => {
      let packed: Uint8Array;
      try {
        packed = packItem(item);
      } catch (error) {
        reject(cannotBeRead(rules.name, error));
        return;
      }
      entry = { id, item: packed, rules, generation, resolve, reject, cancelled: false, suspect: false };
      this.#waiting.add(entry);
    });
    // A caller that cancels may not look at it any more.
    promise.catch(() => {});
    if (generation !== this.#generation) this.#rejectOld("The model was replaced since the request came: ask again.");
    this.#dispatch();
    return { promise, cancel: () => entry && this.#cancel(entry) };
  }

  /** A process is ready. */
  open(): void {
    this.#open = true;
    this.#dispatch();
  }

  /** Another model is loaded: rejects what was for the one before. */
  nextGeneration(reason: string): void {
    this.#generation += 1;
    this.#rejectOld(reason);
  }

  /** @returns why the model must be loaded again, if it must */
  settle(outcomes: readonly Outcome[]): string | undefined {
    let changed: string | undefined;
    for (const outcome of outcomes) {
      const entry = this.#given.get(outcome.id);
      this.#given.delete(outcome.id);
      if (this.#alone === outcome.id) this.#alone = undefined;
      if (entry === undefined || entry.cancelled) continue;
      if ("result" in outcome) {
        entry.resolve(outcome.result);
        continue;
      }
      const { code, message } = outcome.error;
      if (code === "ERR_MODEL_CHANGED") changed = message;
      entry.reject(isModelGone(code) ? new ScoringUnavailable(message) : receivedError(outcome.error));
    }
    this.#dispatch();
    return changed;
  }

  /** The process died. What it had gets one more try. */
  interrupt(reason: string): void {
    this.#open = false;
    for (const entry of this.#given.values()) {
      if (entry.cancelled) continue;
      if (entry.suspect) {
        const where = entry.rules.name;
        entry.reject(
          new ScoringUnavailable(
            `${reason} It was scoring only ${where}, which an earlier process that ended also had.`,
          ),
        );
      } else {
        entry.suspect = true;
        this.#suspects.add(entry);
      }
    }
    this.#given.clear();
    this.#alone = undefined;
  }

  rejectAll(reason: string): void {
    for (const entry of [...this.#given.values(), ...this.#suspects, ...this.#waiting])
      entry.reject(new ScoringUnavailable(reason));
    // The process still answers for what it has.
    for (const entry of this.#given.values()) entry.cancelled = true;
    this.#suspects.clear();
    this.#waiting.clear();
  }

  #dispatch(): void {
    if (!this.#open || this.#alone !== undefined) return;
    // A process is opened with nothing in it, so a suspect is by itself.
    const [suspect] = this.#suspects;
    if (suspect === undefined) for (const entry of this.#waiting) this.#give(entry, this.#waiting);
    else {
      this.#alone = suspect.id;
      this.#give(suspect, this.#suspects);
    }
  }

  #give(entry: Entry, from: Set<Entry>): void {
    from.delete(entry);
    this.#given.set(entry.id, entry);
    const { id, item, rules } = entry;
    this.#receiver.give({ id, item, rules });
  }

  #cancel(entry: Entry): void {
    if (entry.cancelled) return;
    entry.cancelled = true;
    this.#waiting.delete(entry);
    this.#suspects.delete(entry);
    if (this.#given.has(entry.id)) this.#receiver.cancel(entry.id);
    entry.reject(new Error("cancelled"));
  }

  #rejectOld(reason: string): void {
    for (const entries of [this.#waiting, this.#suspects])
      for (const entry of entries) {
        if (entry.generation === this.#generation) continue;
        entries.delete(entry);
        entry.reject(new ScoringUnavailable(reason));
      }
  }
}

function cannotBeRead(name: string, error: unknown): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", `${name} cannot be read: ${reasonOf(error)}`, { field: name });
}
