/** Cases to scored cases: their responses go through the model's stream, what was scored before comes from the cache. */
import type { StarlingError } from "../errors.ts";
import type { ScoreProgress } from "../progress.ts";
import type { ScoreItem } from "../prompt/items.ts";
import type { RewardModel } from "../scoring/reward-model.ts";
import type { ScoreOutcome } from "../scoring/types.ts";
import type { PlacedCase, ScoredCase } from "./case.ts";
import { itemHash, responseLength } from "./item-texts.ts";
import type { OpenBenchmark } from "./open-benchmark.ts";
import type { OpenModel } from "./open-model.ts";
import type { CachedScore, ScoreCache } from "./score-cache.ts";

/** A case with its scores, or with the reason why one of its responses has none. */
export type CaseOutcome = { readonly placed: PlacedCase } & (
  | { readonly scored: ScoredCase }
  | { readonly error: StarlingError }
);

export interface ScoreCasesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called as responses finish, with the tokens that were evaluated so far. */
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
 * Cases between the source and the consumer: more than the model's stream reads ahead, few enough to hold with their texts
 * where the cache knows them all.
 */
const MAX_PENDING = 1024;

/** Outcomes come in the order of the cases. Responses to one prompt stand together, so that it is computed once. */
export async function* scoreCases(
  cases: Iterable<PlacedCase> | AsyncIterable<PlacedCase>,
  model: Pick<RewardModel, "scoreEach">,
  cache: ScoreCache,
  { signal, onTokens }: ScoreCasesOptions,
): AsyncGenerator<CaseOutcome, void, undefined> {
  const pending: Pending[] = [];
  /** What was sent to the model and not answered yet. */
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
      // What was sent is scored without the items behind it, so that this ends.
      while (pending.length >= MAX_PENDING && !stopped) {
        full.notify();
        await room.wait();
      }
      if (stopped) return;
    }
  }
  let answered = 0;
  const options = {
    nameItem: (item: number) => `responses[${sent[item - answered]?.response ?? 0}]`,
    ...(signal === undefined ? {} : { signal }),
    ...(onTokens === undefined ? {} : { onProgress: ({ tokensDone }: { tokensDone: number }) => onTokens(tokensDone) }),
  };
  const answers = model.scoreEach(unknownItems(), options);
  try {
    for (let next: Promise<IteratorResult<ScoreOutcome, void>> | undefined; ; ) {
      while (pending[0]?.missing === 0) yield finish(pending.shift() as Pending);
      if (pending.length < MAX_PENDING) room.notify();
      if (next === undefined) {
        next = answers.next();
        // Nobody may be left to hear of it.
        next.catch(() => {});
      }
      // A reader that waits has only cases that were known before: they go on without an answer.
      const step = await Promise.race([next, full.wait()]);
      if (step === undefined) continue;
      next = undefined;
      if (step.done) break;
      const { of, response } = sent.shift() as (typeof sent)[number];
      answered += 1;
      of.missing -= 1;
      if ("error" in step.value) of.error ??= step.value.error;
      else {
        const { score, tokenCount, truncated } = step.value;
        of.found[response] = { score, tokenCount, truncated };
        cache.add(of.keys[response] as string, { score, tokenCount, truncated });
      }
    }
    for (const rest of pending) yield finish(rest);
  } finally {
    stopped = true;
    room.notify();
    await answers.return();
  }
}

/** Wakes whoever waits at the moment; a notification that nobody waits for is lost. */
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

function finish({ placed, found, error }: Pending): CaseOutcome {
  if (error) return { placed, error };
  const { source, row, id, subset, comparisons, responses } = placed;
  const scores = found as CachedScore[];
  const scored: ScoredCase = {
    source,
    row,
    ...(id === undefined ? {} : { id }),
    ...(subset === undefined ? {} : { subset }),
    comparisons,
    grades: responses.map(({ grade }) => grade),
    scores: scores.map(({ score }) => score),
    lengths: responses.map(({ item }) => responseLength(item)),
    tokenCounts: scores.map(({ tokenCount }) => tokenCount),
    truncated: scores.map(({ truncated }) => truncated),
  };
  return { placed, scored };
}

/** How far it is: cases that were scored or failed, and tokens that were evaluated. */
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
 * Yields the cases that could be scored, in order; the others are told of as problems of the benchmark.
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
  const tell = (news: Partial<ScoringProgress>) => {
    progress = { ...progress, ...news };
    onProgress(progress);
  };
  tell({});
  for await (const outcome of scoreCases(cases, model, cache, { signal, onTokens: (tokens) => tell({ tokens }) })) {
    if ("error" in outcome) benchmark.addFailure(outcome.placed, outcome.error);
    else yield outcome;
    tell({ cases: progress.cases + 1 });
  }
}
