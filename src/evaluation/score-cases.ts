/** Scores cases: responses go through the model's stream unless the cache has their score. */
import type { StarlingError } from "../errors.ts";
import type { ScoreProgress } from "../progress.ts";
import type { ScoreItem } from "../prompt/items.ts";
import type { ScoreDirection } from "../reward-head.ts";
import type { RewardModel } from "../scoring/reward-model.ts";
import type { ScoreOutcome } from "../scoring/types.ts";
import type { PlacedCase, ScoredCase } from "./case.ts";
import { itemHash, promptKey, responseHash, responseLength } from "./item-texts.ts";
import type { OpenBenchmark } from "./open-benchmark.ts";
import type { OpenModel } from "./open-model.ts";
import type { CachedScore, ScoreCache } from "./score-cache.ts";

/** A case with its scores, or with the error of one of its responses. */
export type CaseOutcome = { readonly placed: PlacedCase } & (
  | { readonly scored: ScoredCase }
  | { readonly error: StarlingError }
);

export interface ScoreCasesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of the model's scores. Default: "higher". */
  readonly direction?: ScoreDirection | undefined;
  /** Called as responses finish, with the number of tokens evaluated so far. */
  readonly onTokens?: (tokens: number) => void;
}

interface Pending {
  readonly placed: PlacedCase;
  readonly keys: readonly string[];
  readonly found: (CachedScore | undefined)[];
  missing: number;
  error: StarlingError | undefined;
}

/**
 * Cases buffered between source and consumer: more than the model's stream reads ahead, few enough to hold their texts when
 * the cache has all scores.
 */
const MAX_PENDING = 1024;

/** Yields outcomes in the order of the cases. Responses to one prompt stay adjacent, so their prefix is computed once. */
export async function* scoreCases(
  cases: Iterable<PlacedCase> | AsyncIterable<PlacedCase>,
  model: Pick<RewardModel, "scoreEach">,
  cache: ScoreCache,
  { signal, onTokens, direction = "higher" }: ScoreCasesOptions,
): AsyncGenerator<CaseOutcome, void, undefined> {
  const pending: Pending[] = [];
  /** Responses sent to the model and not scored yet. */
  const sent: { readonly of: Pending; readonly response: number }[] = [];
  const [full, room] = [new WakeUpSignal(), new WakeUpSignal()];
  let stopped = false;
  async function* unknownItems(): AsyncGenerator<ScoreItem> {
    for await (const placed of cases) {
      const keys = placed.responses.map(({ item }) => itemHash(item));
      const found = keys.map((key) => cache.get(key));
      const of: Pending = { placed, keys, found, missing: found.filter((score) => !score).length, error: undefined };
      pending.push(of);
      for (const [response, { item }] of placed.responses.entries()) {
        if (found[response] !== undefined) continue;
        sent.push({ of, response });
        yield item;
      }
      // This ends: what was already sent gets its scores without further items.
      while (pending.length >= MAX_PENDING && !stopped) {
        full.notify();
        await room.wait();
      }
      if (stopped) return;
    }
  }
  let received = 0;
  const options = {
    nameItem: (item: number) => `responses[${sent[item - received]?.response ?? 0}]`,
    ...(signal === undefined ? {} : { signal }),
    ...(onTokens === undefined ? {} : { onProgress: ({ tokensDone }: { tokensDone: number }) => onTokens(tokensDone) }),
  };
  const outcomes = model.scoreEach(unknownItems(), options);
  try {
    for (let next: Promise<IteratorResult<ScoreOutcome, void>> | undefined; ; ) {
      while (pending[0]?.missing === 0) yield finish(pending.shift() as Pending, direction);
      if (pending.length < MAX_PENDING) room.notify();
      if (next === undefined) {
        next = outcomes.next();
        // A rejection can come after the consumer has stopped.
        next.catch(() => {});
      }
      // If the reader is blocked, all pending cases came from the cache and need no outcome.
      const step = await Promise.race([next, full.wait()]);
      if (step === undefined) continue;
      next = undefined;
      if (step.done) break;
      const { of, response } = sent.shift() as (typeof sent)[number];
      received += 1;
      of.missing -= 1;
      if ("error" in step.value) of.error ??= step.value.error;
      else {
        const { score, tokenCount, truncated } = step.value;
        of.found[response] = { score, tokenCount, truncated };
        cache.add(of.keys[response] as string, { score, tokenCount, truncated });
      }
    }
    for (const rest of pending) yield finish(rest, direction);
  } finally {
    stopped = true;
    room.notify();
    await outcomes.return();
  }
}

/** Wakes everyone who is waiting; a notification without a waiter is lost. */
class WakeUpSignal {
  #wake = () => {};
  #waiting: Promise<undefined> | undefined;

  notify(): void {
    this.#wake();
    this.#waiting = undefined;
  }

  wait(): Promise<undefined> {
    this.#waiting ??= new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
    });
    return this.#waiting;
  }
}

function finish({ placed, found, error }: Pending, direction: ScoreDirection): CaseOutcome {
  if (error) return { placed, error };
  const { source, row, id, subset, groups, paraphrases, comparisons, asPublished, responses } = placed;
  const scores = found as CachedScore[];
  const scored: ScoredCase = {
    source,
    row,
    ...(id === undefined ? {} : { id }),
    ...(subset === undefined ? {} : { subset }),
    prompt: promptKey(placed),
    ...(groups === undefined ? {} : { groups }),
    comparisons,
    ...(asPublished === undefined ? {} : { asPublished }),
    grades: responses.map(({ grade }) => grade),
    ...(responses.every(({ label }) => label === undefined) ? {} : { labels: responses.map(({ label }) => label) }),
    ...(responses.every(({ model }) => model === undefined) ? {} : { models: responses.map(({ model }) => model) }),
    ...(paraphrases === undefined ? {} : { paraphrases, responses: responses.map(({ item }) => responseHash(item)) }),
    scores: scores.map(({ score }) => (direction === "lower" ? -score : score)),
    lengths: responses.map(({ item }) => responseLength(item)),
    tokenCounts: scores.map(({ tokenCount }) => tokenCount),
    truncated: scores.map(({ truncated }) => truncated),
  };
  return { placed, scored };
}

/** Cases that were scored or failed, and tokens evaluated. */
export interface ScoringProgress {
  readonly cases: number;
  readonly tokens: number;
}

export function scoringProgress(benchmark: string, done: ScoringProgress, total: number | undefined): ScoreProgress {
  const { cases, tokens } = done;
  const part = total === undefined ? {} : { itemsTotal: total, fraction: total === 0 ? 1 : cases / total };
  return { phase: "scoring", benchmark, itemsDone: cases, tokensDone: tokens, ...part };
}

/**
 * Yields the scored cases in order; failures are reported as problems of the benchmark.
 *
 * @param onProgress called before the first case, as responses finish, and after each case
 */
export async function* scoreBenchmark(
  benchmark: OpenBenchmark,
  cases: Iterable<PlacedCase> | AsyncIterable<PlacedCase>,
  { model, cache }: Pick<OpenModel, "model" | "cache">,
  signal: AbortSignal | undefined,
  onProgress: (progress: ScoringProgress) => void,
): AsyncGenerator<{ readonly placed: PlacedCase; readonly scored: ScoredCase }, void, undefined> {
  let progress: ScoringProgress = { cases: 0, tokens: 0 };
  const update = (change: Partial<ScoringProgress>) => {
    progress = { ...progress, ...change };
    onProgress(progress);
  };
  update({});
  for await (const outcome of scoreCases(cases, model, cache, {
    signal,
    direction: model.info.direction,
    onTokens: (tokens) => update({ tokens }),
  })) {
    if ("error" in outcome) benchmark.addFailure(outcome.placed, outcome.error);
    else yield outcome;
    update({ cases: progress.cases + 1 });
  }
}
