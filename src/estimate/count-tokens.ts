/** Rows as texts and tokens: what a scoring run would have to do. */
import { isStarlingError, type StarlingError } from "../errors.ts";
import type { RewardTokenizer, TokenizedOutcome } from "../scoring/reward-tokenizer.ts";
import { PrefixSharing } from "./prefix-sharing.ts";
import { BlockSample } from "./row-sample.ts";
import { TokenCounts } from "./token-counts.ts";

/** A row to count: its items, or why it has none. */
export interface CountedRow {
  readonly where: string;
  readonly items: readonly unknown[];
  readonly error?: StarlingError;
}

export interface CountOptions {
  /** Count the tokens of about so many rows only, in blocks. Default: of all. */
  readonly sample?: number | undefined;
  /** Whether shared prefixes are computed once. Default: true. */
  readonly share?: boolean | undefined;
  /** Whether a warning makes a row an error. Default: false. */
  readonly strict?: boolean | undefined;
  /** Takes rows for a measurement. */
  readonly keep?: { offer(row: CountedRow): void } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onRow?: ((row: CountedRow) => void) | undefined;
}

/** Rows that failed with one code. */
export interface FailedRows {
  readonly code: string;
  readonly rows: number;
  /** The first one. */
  readonly where: string;
  readonly message: string;
}

export interface TokenCount {
  /** Rows that were read. */
  readonly rows: number;
  /** Rows without texts, of all rows. */
  readonly unreadable: readonly FailedRows[];
  /** Other rows whose tokens were counted: all of them but with a sample. */
  readonly countedRows: number;
  /** Of those, rows that cannot be scored. */
  readonly failures: readonly FailedRows[];
  readonly lengths: TokenCounts;
  /** Tokens that are computed, where shared prefixes are computed once. */
  readonly computed: number;
  readonly truncated: { readonly rows: number; readonly texts: number; readonly tokensLost: number };
  /** Of a sample: rows of a block, and tokens and computed tokens of each block. */
  readonly blocks?: readonly BlockCount[];
}

export interface BlockCount {
  readonly rows: number;
  readonly tokens: number;
  readonly computed: number;
}

const ROWS_AT_ONCE = 64;
/** As many calls as libuv has threads tokenise at once. */
const CALLS_AT_ONCE = 4;
/** Blocks are as long as a call reads ahead, or shorter so that there are so many of them. */
const MAX_BLOCK_ROWS = 512;
const MIN_BLOCKS = 32;

/** @throws what reading the rows throws; the signal's reason */
export async function countTokens(
  rows: AsyncIterable<CountedRow>,
  tokenizer: Pick<RewardTokenizer, "tokenizeEach">,
  options: CountOptions = {},
): Promise<TokenCount> {
  const counter = new Counter(tokenizer, options);
  const { sample, keep, signal, onRow } = options;
  const blocks = sample === undefined ? undefined : sampleOf<CountedRow>(sample);
  const unreadable = new Failures();
  let read = 0;
  for await (const row of rows) {
    signal?.throwIfAborted();
    read += 1;
    onRow?.(row);
    if (row.error !== undefined) {
      unreadable.add(row.error, row.where);
      continue;
    }
    keep?.offer(row);
    if (blocks === undefined) await counter.add(row);
    else blocks.offer(row);
  }
  const counts: BlockCount[] = [];
  const all = { rows: read, unreadable: unreadable.list };
  if (blocks === undefined || blocks.blocks.reduce((sum, block) => sum + block.rows.length, 0) === blocks.count) {
    for (const block of blocks?.blocks ?? []) for (const row of block.rows) await counter.add(row);
    await counter.endCall();
    return { ...all, ...counter.result() };
  }
  for (const block of blocks.blocks) {
    const before = counter.soFar;
    for (const row of block.rows) await counter.add(row);
    await counter.endCall();
    const { tokens, computed } = counter.soFar;
    counts.push({
      rows: block.rows.length,
      tokens: tokens - before.tokens,
      computed: computed - before.computed,
    });
  }
  return { ...all, ...counter.result(), blocks: counts };
}

function sampleOf<Row>(rows: number): BlockSample<Row> {
  const blockRows = Math.min(MAX_BLOCK_ROWS, Math.max(1, Math.ceil(rows / MIN_BLOCKS)));
  return new BlockSample(Math.ceil(rows / blockRows), blockRows);
}

interface TokenizeCall {
  readonly rows: readonly CountedRow[];
  readonly outcomes: Promise<readonly TokenizedOutcome[]>;
}

class Counter {
  readonly #tokenizer: Pick<RewardTokenizer, "tokenizeEach">;
  readonly #options: CountOptions;
  readonly #lengths = new TokenCounts();
  readonly #failures = new Failures();
  readonly #truncated = { rows: 0, texts: 0, tokensLost: 0 };
  readonly #share: boolean;
  #sharing: PrefixSharing;
  #computedBefore = 0;
  #waiting: CountedRow[] = [];
  readonly #calls: TokenizeCall[] = [];
  #rows = 0;

  constructor(tokenizer: Pick<RewardTokenizer, "tokenizeEach">, options: CountOptions) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#share = options.share ?? true;
    this.#sharing = new PrefixSharing(this.#share);
  }

  get soFar(): { readonly tokens: number; readonly computed: number } {
    return { tokens: this.#lengths.total, computed: this.#computedBefore + this.#sharing.computed };
  }

  async add(row: CountedRow): Promise<void> {
    this.#waiting.push(row);
    if (this.#waiting.length < ROWS_AT_ONCE) return;
    this.#tokenize();
    if (this.#calls.length === CALLS_AT_ONCE) await this.#count();
  }

  /** What comes next is not a neighbour of what came. */
  async endCall(): Promise<void> {
    this.#tokenize();
    while (this.#calls.length > 0) await this.#count();
    this.#sharing.endCall();
    this.#computedBefore += this.#sharing.computed;
    this.#sharing = new PrefixSharing(this.#share);
  }

  result(): Omit<TokenCount, "rows" | "unreadable"> {
    return {
      countedRows: this.#rows,
      failures: this.#failures.list,
      lengths: this.#lengths,
      computed: this.soFar.computed,
      truncated: { ...this.#truncated },
    };
  }

  #tokenize(): void {
    const rows = this.#waiting;
    this.#waiting = [];
    const items = rows.flatMap((row) => row.items);
    const { strict = false, signal } = this.#options;
    const outcomes = this.#tokenizer.tokenizeEach(items, () => "row", { strict, signal });
    // Its awaiter gets the error.
    outcomes.catch(() => {});
    this.#calls.push({ rows, outcomes });
  }

  /** In the order of the rows. */
  async #count(): Promise<void> {
    const { rows, outcomes: promise } = this.#calls.shift() as TokenizeCall;
    const outcomes = await promise;
    let first = 0;
    for (const row of rows) {
      this.#countRow(row, outcomes.slice(first, first + row.items.length));
      first += row.items.length;
    }
  }

  #countRow(row: CountedRow, outcomes: readonly TokenizedOutcome[]): void {
    this.#rows += 1;
    let error: StarlingError | undefined;
    let isTruncated = false;
    for (const outcome of outcomes) {
      if (isStarlingError(outcome)) {
        error ??= outcome;
        continue;
      }
      const { ids, totalTokens, scorePosition, truncated } = outcome;
      this.#lengths.add(ids.length);
      // Tokens after the one that is scored are not computed.
      this.#sharing.add(ids.subarray(0, scorePosition + 1));
      if (!truncated) continue;
      isTruncated = true;
      this.#truncated.texts += 1;
      this.#truncated.tokensLost += totalTokens - ids.length;
    }
    if (isTruncated) this.#truncated.rows += 1;
    if (error !== undefined) this.#failures.add(error, row.where);
  }
}

/** Rows that failed, by the code of their error. */
class Failures {
  readonly #codes = new Map<string, { rows: number; where: string; message: string }>();

  add({ code, message }: StarlingError, where: string): void {
    const known = this.#codes.get(code);
    if (known === undefined) this.#codes.set(code, { rows: 1, where, message });
    else known.rows += 1;
  }

  get list(): readonly FailedRows[] {
    return [...this.#codes].map(([code, failure]) => ({ code, ...failure }));
  }
}
