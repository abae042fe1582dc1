/** Equal items of one call are computed once: data sets repeat rows, and samplers repeat answers. */
import { createHash } from "node:crypto";
import type { CancellableJob } from "../native/addon.ts";

export type ItemJob = CancellableJob<number> | CancellableJob<Float32Array>;
type Value = number | Float32Array;

/** What is scored of an item: its tokens up to the score, and where its response starts if rewards are wanted from there on. */
export interface Sequence {
  readonly ids: Int32Array;
  readonly start?: number | undefined;
}

/** Results that are remembered; the oldest are forgotten. Memory stays flat however long the call is. */
const MAX_REMEMBERED = 65_536;
/** Of token rewards, which take 4 bytes a token. */
const MAX_REMEMBERED_BYTES = 32 * 1024 * 1024;

export class RepeatedItems {
  readonly #known = new Map<string, { readonly promise: Promise<Value>; readonly bytes: number }>();
  #bytes = 0;

  /**
   * A job for each sequence; those of equal sequences share one result.
   *
   * @param compute called with the indices of the sequences that are new
   */
  jobs(sequences: readonly Sequence[], compute: (indices: readonly number[]) => readonly ItemJob[]): ItemJob[] {
    const keys = sequences.map(keyOf);
    const fresh = new Map<string, number>();
    for (const [i, key] of keys.entries()) if (!this.#known.has(key) && !fresh.has(key)) fresh.set(key, i);
    const computed = compute([...fresh.values()]);
    const jobs: ItemJob[] = [];
    for (const [n, [key, i]] of [...fresh].entries()) {
      const job = computed[n] as ItemJob;
      jobs[i] = job;
      this.#remember(key, job.promise, sequences[i] as Sequence);
    }
    for (const [i, key] of keys.entries()) jobs[i] ??= repeated(this.#known.get(key)?.promise as Promise<Value>);
    // Only now: a sequence of this call may be an old one.
    this.#forget();
    return jobs;
  }

  #remember(key: string, promise: Promise<Value>, { ids, start }: Sequence): void {
    const bytes = start === undefined ? 0 : ids.byteLength;
    this.#known.set(key, { promise, bytes });
    this.#bytes += bytes;
  }

  #forget(): void {
    for (const [key, { bytes }] of this.#known) {
      if (this.#known.size <= MAX_REMEMBERED && this.#bytes <= MAX_REMEMBERED_BYTES) return;
      this.#known.delete(key);
      this.#bytes -= bytes;
    }
  }
}

/** Each result has rewards of its own: a caller may change them. */
function repeated(promise: Promise<Value>): ItemJob {
  const own = promise.then((value) => (typeof value === "number" ? value : value.slice()));
  return { promise: own as Promise<number>, cancel() {} };
}

function keyOf({ ids, start }: Sequence): string {
  const hash = createHash("sha256").update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  return `${start ?? ""} ${hash.digest("base64")}`;
}
