/** How many tokens are computed of texts that share prefixes, by the rules of the planner (native/planning), without a model. */
import { RepeatedItems } from "../scoring/repeated-items.ts";
import { IN_FLIGHT } from "../scoring/stream.ts";

/** The planner's own, see PlanLimits in native/planning/prefix_planner.h. */
const MIN_SHARED = 8;
const MAX_PASSED_OVER = 256;
const MAX_COMPARED = 64;

interface Waiting {
  readonly key: number;
  readonly ids: Int32Array;
}

const DONE = { promise: Promise.resolve(0), cancel() {} };

/**
 * One context in exact mode: as many texts wait as a call reads ahead, the next is always one that shares the most with the last, and
 * equal texts are computed once. Several contexts share a little less, because each has a prefix of its own.
 */
export class PrefixSharing {
  readonly #share: boolean;
  /** In lexicographic order. */
  readonly #waiting: Waiting[] = [];
  /** By key, in order of arrival: those that are not computed yet. */
  readonly #tokens = new Map<number, number>();
  #repeated = new RepeatedItems();
  #cached: Int32Array = new Int32Array();
  #next = 0;
  #inFlight = 0;
  #passedOver = 0;
  #computed = 0;

  /** @param share false: every text is computed in full */
  constructor(share = true) {
    this.#share = share;
  }

  /** Tokens computed so far. */
  get computed(): number {
    return this.#computed;
  }

  /** @param ids of a text, up to the token that is scored */
  add(ids: Int32Array): void {
    let isNew = false;
    this.#repeated.jobs([{ ids }], (fresh) => {
      isNew = fresh.length > 0;
      return fresh.map(() => DONE);
    });
    const key = this.#next++;
    if (!isNew) return;
    if (this.#share) this.#waiting.splice(this.#placeOf(ids, key), 0, { key, ids });
    else this.#waiting.push({ key, ids });
    this.#tokens.set(key, ids.length);
    this.#inFlight += ids.length;
    // Results come in order: nothing is read beyond the oldest text that is not computed.
    while (this.#next - this.#oldest >= IN_FLIGHT.items || this.#inFlight >= IN_FLIGHT.tokens) this.#compute();
  }

  /** Computes what is waiting: a call ends, and the next one does not know its texts. */
  endCall(): void {
    while (this.#waiting.length > 0) this.#compute();
    this.#repeated = new RepeatedItems();
  }

  get #oldest(): number {
    for (const key of this.#tokens.keys()) return key;
    return this.#next;
  }

  #compute(): void {
    const oldest = this.#oldest;
    const nearest = this.#passedOver < MAX_PASSED_OVER ? this.#nearest(oldest) : undefined;
    const key = nearest ?? oldest;
    const at = this.#waiting.findIndex((each) => each.key === key);
    const [{ ids }] = this.#waiting.splice(at, 1) as [Waiting];
    const reused = this.#share ? Math.min(commonPrefix(ids, this.#cached), ids.length - 1) : 0;
    this.#computed += ids.length - reused;
    this.#tokens.delete(key);
    this.#inFlight -= ids.length;
    this.#passedOver = key === oldest ? 0 : this.#passedOver + 1;
    this.#cached = ids;
  }

  /** The oldest of the texts that share the most with the cached one; undefined if that is too little to change the order. */
  #nearest(oldest: number): number | undefined {
    if (!this.#share || this.#cached.length === 0) return undefined;
    const after = this.#placeOf(this.#cached, 0);
    const commonAt = (at: number) => {
      const text = this.#waiting[at];
      return text === undefined ? -1 : commonPrefix(text.ids, this.#cached);
    };
    const most = Math.max(commonAt(after), commonAt(after - 1));
    if (most < MIN_SHARED) return undefined;
    let best = Number.POSITIVE_INFINITY;
    const see = (at: number) => {
      best = Math.min(best, (this.#waiting[at] as Waiting).key);
    };
    for (let at = after, steps = 0; steps < MAX_COMPARED && commonAt(at) === most; at++, steps++) see(at);
    for (let at = after - 1, steps = 0; steps < MAX_COMPARED && commonAt(at) === most; at--, steps++) see(at);
    const first = this.#waiting.find((each) => each.key === oldest) as Waiting;
    return commonPrefix(first.ids, this.#cached) === most ? oldest : best;
  }

  /** Where a text is in lexicographic order, those of equal ids by their keys. */
  #placeOf(ids: Int32Array, key: number): number {
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#waiting[middle] as Waiting;
      const order = compare(other.ids, ids) || other.key - key;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function commonPrefix(a: Int32Array, b: Int32Array): number {
  const most = Math.min(a.length, b.length);
  let count = 0;
  while (count < most && a[count] === b[count]) count += 1;
  return count;
}

function compare(a: Int32Array, b: Int32Array): number {
  const common = commonPrefix(a, b);
  if (common === a.length || common === b.length) return a.length - b.length;
  return (a[common] as number) - (b[common] as number);
}
