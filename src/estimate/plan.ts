/** What a run takes: counts, a rate, and arithmetic. */
import type { BlockCount, FailedRows, TokenCount } from "./count-tokens.ts";
import type { Repetition } from "./measure-rate.ts";
import type { TokenDistribution } from "./token-counts.ts";

/** Where a rate is from. */
export type EstimateRate = { readonly tokensPerSecond: number } & (
  | { readonly source: "given" }
  | { readonly source: "derived"; readonly machine: string; readonly derivation: string }
  | {
      readonly source: "measured";
      readonly slowest: number;
      readonly fastest: number;
      readonly repetitions: readonly Repetition[];
    }
);

export interface EstimateSettings {
  /** In hours. */
  readonly deadline?: number | undefined;
  readonly pricePerHour?: number | undefined;
}

/** The numbers of `estimate --json`. Of a sample, all but the number of rows and the distribution are scaled up to all rows. */
export interface Estimate {
  readonly rows: { readonly total: number; readonly scored: number; readonly failed: number };
  /** A row with several responses has several texts. */
  readonly texts: number;
  readonly tokens: {
    readonly total: number;
    /** Shared prefixes once: what takes time. */
    readonly computed: number;
    /** Per text; absent without texts. */
    readonly perText?: TokenDistribution;
  };
  readonly truncated: { readonly rows: number; readonly texts: number; readonly tokensLost: number };
  readonly failures: readonly FailedRows[];
  /** Only with a sample. */
  readonly sample?: {
    readonly rows: number;
    readonly blocks: number;
    /** Half of the 95 % interval of tokens.total and tokens.computed, as a part of them; absent with a single block. */
    readonly relativeError?: { readonly total: number; readonly computed: number };
  };
  readonly rate?: EstimateRate;
  /** On one machine of this rate. */
  readonly hours?: number;
  readonly deadline?: { readonly hours: number; readonly machines: number };
  readonly cost?: { readonly total: number; readonly perMillionRows: number };
}

const SECONDS_PER_HOUR = 3600;
const MILLION = 1e6;
/** Of a normal distribution: 95 % are within so many standard errors. */
const STANDARD_ERRORS = 1.96;

export function planRun(
  count: TokenCount,
  rate: EstimateRate | undefined,
  { deadline, pricePerHour }: EstimateSettings,
): Estimate {
  const readable = count.rows - rowsOf(count.unreadable);
  const scale = count.countedRows === 0 ? 1 : readable / count.countedRows;
  const scaled = (value: number) => Math.round(value * scale);
  const { lengths, truncated, blocks } = count;
  const perText = lengths.distribution();
  const failures = merged(
    count.unreadable,
    count.failures.map((failure) => ({ ...failure, rows: scaled(failure.rows) })),
  );
  const failed = rowsOf(failures);
  const computed = scaled(count.computed);
  const counts = {
    rows: { total: count.rows, scored: count.rows - failed, failed },
    texts: scaled(lengths.count),
    tokens: { total: scaled(lengths.total), computed, ...(perText === undefined ? {} : { perText }) },
    truncated: {
      rows: scaled(truncated.rows),
      texts: scaled(truncated.texts),
      tokensLost: scaled(truncated.tokensLost),
    },
    failures,
    ...(blocks === undefined ? {} : { sample: sampleOf(blocks, count.countedRows, readable) }),
  };
  if (rate === undefined) return counts;
  const hours = computed / rate.tokensPerSecond / SECONDS_PER_HOUR;
  const total = hours * (pricePerHour ?? 0);
  return {
    ...counts,
    rate,
    hours,
    ...(deadline === undefined
      ? {}
      : { deadline: { hours: deadline, machines: Math.max(1, Math.ceil(hours / deadline)) } }),
    ...(pricePerHour === undefined || count.rows === 0
      ? {}
      : { cost: { total, perMillionRows: (total / count.rows) * MILLION } }),
  };
}

function rowsOf(failures: readonly FailedRows[]): number {
  return failures.reduce((sum, { rows }) => sum + rows, 0);
}

/** A code may be of both: reading a row, and its texts. */
function merged(one: readonly FailedRows[], other: readonly FailedRows[]): readonly FailedRows[] {
  const also = (failure: FailedRows) => other.find(({ code }) => code === failure.code)?.rows ?? 0;
  return [
    ...one.map((failure) => ({ ...failure, rows: failure.rows + also(failure) })),
    ...other.filter(({ code }) => one.every((failure) => failure.code !== code)),
  ];
}

function sampleOf(blocks: readonly BlockCount[], countedRows: number, rows: number): NonNullable<Estimate["sample"]> {
  const sample = { rows: countedRows, blocks: blocks.length };
  if (blocks.length < 2) return sample;
  const error = (measure: (block: BlockCount) => number) => {
    const sum = blocks.reduce((all, block) => all + measure(block), 0);
    if (sum === 0) return 0;
    // The ratio estimator's: blocks differ in what their rows hold, not in how many they have.
    const perRow = sum / countedRows;
    const squares = blocks.reduce((all, block) => all + (measure(block) - perRow * block.rows) ** 2, 0);
    const unseen = 1 - countedRows / rows;
    const variance = (unseen * squares * blocks.length) / (blocks.length - 1);
    return (STANDARD_ERRORS * Math.sqrt(variance)) / sum;
  };
  return {
    ...sample,
    relativeError: { total: error(({ tokens }) => tokens), computed: error((block) => block.computed) },
  };
}
