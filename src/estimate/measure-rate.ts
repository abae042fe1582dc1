/** How many tokens per second a loaded model computes of texts like those of the data: timed, not guessed. */

import { isStarlingError } from "../errors.ts";
import type { RewardModel } from "../scoring/reward-model.ts";
import type { CountedRow } from "./count-tokens.ts";
import { PrefixSharing } from "./prefix-sharing.ts";
import { BlockSample } from "./row-sample.ts";

export interface MeasuredRate {
  /** The median of the repetitions. */
  readonly tokensPerSecond: number;
  /** The slowest and the fastest. */
  readonly slowest: number;
  readonly fastest: number;
  readonly repetitions: readonly Repetition[];
}

export interface Repetition {
  readonly rows: number;
  readonly texts: number;
  /** Tokens that were computed: shared prefixes once. */
  readonly tokens: number;
  readonly seconds: number;
}

export interface MeasureOptions {
  /** Whether the model computes shared prefixes once. */
  readonly share: boolean;
  readonly signal: AbortSignal;
  /** Called with the part that is done, from 0 to 1. */
  readonly onFraction?: ((fraction: number) => void) | undefined;
}

const REPETITIONS = 5;
/** One before them tells how many rows fill a repetition. */
const BLOCKS = REPETITIONS + 1;
const BLOCK_ROWS = 256;
/** Long beside what a clock and a scheduler do; short for a person. */
const TARGET_SECONDS = 2;
/** Where a single row takes this long, fewer repetitions say as much. */
const [SLOW_SECONDS, FEW_REPETITIONS] = [10, 3];
const PILOT_ROWS = 8;
const WARM_UP = { text: "A first text allocates what later ones find." };

/** Keeps rows for a measurement while all are read. */
export class MeasurementRows {
  readonly sample = new BlockSample<CountedRow>(BLOCKS, BLOCK_ROWS);
  readonly #first: CountedRow[] = [];

  offer(row: CountedRow): void {
    this.sample.offer(row);
    if (this.#first.length < BLOCKS * BLOCK_ROWS) this.#first.push(row);
  }

  /** Blocks of rows that have texts, none in two of them. Fewer rows than blocks give one row each. */
  blocks(): readonly (readonly CountedRow[])[] {
    const whole = this.sample.blocks.map(({ rows }) => rows);
    const blocks = whole.length === BLOCKS && this.sample.count >= BLOCKS * BLOCK_ROWS ? whole : this.#evenBlocks();
    return blocks
      .map((rows) => rows.filter(({ items, error }) => error === undefined && items.length > 0))
      .filter((rows) => rows.length > 0);
  }

  #evenBlocks(): readonly CountedRow[][] {
    const rows = this.#first.filter(({ error }) => error === undefined);
    const count = Math.min(BLOCKS, rows.length);
    return Array.from({ length: count }, (_, i) =>
      rows.slice(Math.floor((i * rows.length) / count), Math.floor(((i + 1) * rows.length) / count)),
    );
  }
}

/**
 * Scores slices of the data, each once: what was computed before would be found in the cache.
 *
 * @returns undefined where no row of the blocks can be scored
 */
export async function measureRate(
  model: Pick<RewardModel, "scoreEach" | "tokenizer">,
  blocks: readonly (readonly CountedRow[])[],
  { share, signal, onFraction }: MeasureOptions,
): Promise<MeasuredRate | undefined> {
  const sharing = new PrefixSharing(share);
  const run = async (rows: readonly CountedRow[]): Promise<Repetition> => {
    const items = rows.flatMap((row) => row.items);
    const started = performance.now();
    for await (const _ of model.scoreEach(items as Parameters<RewardModel["scoreEach"]>[0], { signal }));
    const seconds = (performance.now() - started) / 1000;
    const before = sharing.computed;
    let texts = 0;
    for (const outcome of await model.tokenizer.tokenizeEach(items)) {
      if (isStarlingError(outcome)) continue;
      texts += 1;
      sharing.add(outcome.ids.subarray(0, outcome.scorePosition + 1));
    }
    sharing.endCall();
    return { rows: rows.length, texts, tokens: sharing.computed - before, seconds };
  };
  for await (const _ of model.scoreEach([WARM_UP], { signal }));
  const [pilotRows, ...others] = blocks;
  if (pilotRows === undefined) return undefined;
  const pilot = await run(pilotRows.slice(0, PILOT_ROWS));
  const secondsPerRow = pilot.seconds / pilot.rows;
  const rowsAtOnce = Math.max(1, Math.ceil(TARGET_SECONDS / secondsPerRow));
  const most = secondsPerRow >= SLOW_SECONDS ? FEW_REPETITIONS : REPETITIONS;
  const repetitions: Repetition[] = [];
  for (const rows of others.slice(0, most)) {
    repetitions.push(await run(rows.slice(0, rowsAtOnce)));
    onFraction?.(repetitions.length / Math.min(most, others.length));
  }
  // The only block was the first one.
  const counted = (repetitions.length === 0 ? [pilot] : repetitions).filter(({ tokens }) => tokens > 0);
  const rates = counted.map(({ tokens, seconds }) => tokens / seconds).sort((a, b) => a - b);
  if (rates.length === 0) return undefined;
  const [low, high] = [rates[(rates.length - 1) >> 1], rates[rates.length >> 1]] as [number, number];
  return {
    tokensPerSecond: (low + high) / 2,
    slowest: rates[0] as number,
    fastest: rates.at(-1) as number,
    repetitions: counted,
  };
}
