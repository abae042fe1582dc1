/** The features of all responses of many cases, each computed once and kept. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { defaultCacheFolder } from "../../cache-folder.ts";
import type { StarlingError } from "../../errors.ts";
import { aFunction, anIterable, aSignal, aString, checkOptions, given } from "../../options.ts";
import type { ExtractProgress, HashProgress } from "../../progress.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import { RewardModel } from "../../scoring/reward-model.ts";
import type { PlacedCase } from "../case.ts";
import { itemHash, promptHash } from "../item-hash.ts";
import { modelHash } from "../model-hash.ts";
import { scoringSettings } from "../scoring-settings.ts";
import { FeatureStore } from "./feature-store.ts";
import type { FitCase, FitData, FitFailure } from "./fit-data.ts";
import { joinByPrompt } from "./split.ts";

export interface ExtractOptions {
  /** The loaded model whose features they are. */
  readonly model: RewardModel;
  /** Cases as a benchmark gives them; read once, as they are needed. */
  readonly cases: AsyncIterable<PlacedCase> | Iterable<PlacedCase>;
  /** Where features are kept; default: the cache folder. */
  readonly cacheFolder?: string;
  /** SHA-256 of the model's file, where it is known; default: it is computed. */
  readonly modelSha256?: string;
  /** Reports the phases "hashing" and "extracting". */
  readonly onProgress?: (progress: HashProgress | ExtractProgress) => void;
  /**
   * Called as soon as a response turns out to have no score, with the first case that it belongs to; all of them are among
   * the result's `failures`. What it throws stops the work.
   */
  readonly onFailure?: (failure: FitFailure) => void;
  /** Stops the work; the promise rejects with the signal's reason. What was computed is kept for the next run. */
  readonly signal?: AbortSignal;
}

/** Raised when what is stored changes its shape or its meaning. */
const FORMAT = 1;

interface ReadCase {
  readonly placed: Pick<PlacedCase, "source" | "row" | "where" | "comparisons">;
  readonly hashes: readonly string[];
  readonly prompts: readonly string[];
  readonly grades: readonly (number | undefined)[];
}

/**
 * Computes the features of every response of the cases, in the model's batches and with shared prompts, and reads them into
 * memory: 4 bytes for each response and hidden dimension. They are kept in the cache folder as they come, so that another run
 * computes what is missing alone. With a model in exact mode another run's features are the same to the last bit.
 *
 * @throws FileError for a cache folder that cannot be written to, or a model whose file changed since it was loaded; what the
 *   source of the cases throws
 */
export async function extractFeatures(options: ExtractOptions): Promise<FitData> {
  options = checkOptions(
    "extractFeatures",
    options,
    {
      model: (value) => (value instanceof RewardModel ? undefined : "a loaded reward model"),
      cases: anIterable,
      cacheFolder: aString,
      modelSha256: aString,
      onProgress: aFunction,
      onFailure: aFunction,
      signal: aSignal,
    },
    ["model", "cases"],
  );
  const { model, cases, cacheFolder = defaultCacheFolder(), onProgress, onFailure, signal } = options;
  signal?.throwIfAborted();
  const sha256 =
    options.modelSha256 ??
    (await modelHash(model.file, {
      cacheFolder,
      ...given({ signal }),
      onProgress: ({ bytesDone, bytesTotal }) => onProgress?.({ phase: "hashing", fraction: bytesDone / bytesTotal }),
    }));
  // What the model computes must not be kept under another file's hash, also where the hash was given.
  await model.file.assertUnchanged();
  const folder = join(cacheFolder, "features", settingsKey(model, sha256));
  const store = await FeatureStore.open(folder, model.info.embeddingLength, signal);
  // What is computed is written at once: it may be long before it is its turn among the outcomes.
  let writing = Promise.resolve();
  let ended = false;
  try {
    const read: ReadCase[] = [];
    const asked: { hash: string; placed: ReadCase["placed"]; response: number }[] = [];
    const errors = new Map<string, StarlingError>();
    const waiting = new Set<string>();
    let tokens = 0;
    let known = 0;
    const tell = () =>
      onProgress?.({ phase: "extracting", casesDone: read.length, responsesDone: known, tokensDone: tokens });
    async function* missing(): AsyncGenerator<ScoreItem> {
      for await (const placed of cases) {
        signal?.throwIfAborted();
        const hashes = placed.responses.map(({ item }) => itemHash(item));
        const place = withoutTexts(placed);
        read.push({
          placed: place,
          hashes,
          prompts: placed.responses.map(({ item }) => promptHash(item)),
          grades: placed.responses.map(({ grade }) => grade),
        });
        for (const [i, { item }] of placed.responses.entries()) {
          const hash = hashes[i] as string;
          if (store.has(hash) || waiting.has(hash)) {
            known += 1;
            continue;
          }
          waiting.add(hash);
          asked.push({ hash, placed: place, response: i });
          yield item;
        }
        tell();
      }
    }
    const outcomes = model.featuresEach(missing(), {
      nameItem: (index) => `responses[${asked[index]?.response}]`,
      onResult: ({ index, features, tokenCount }) => {
        if (ended) return;
        const { hash } = asked[index] as (typeof asked)[0];
        writing = writing.then(() => store.add(hash, features));
        writing.catch(() => {});
        known += 1;
        tokens += tokenCount;
        tell();
      },
      ...given({ signal }),
    });
    for await (const outcome of outcomes) {
      await writing;
      if (!("error" in outcome)) continue;
      const { hash, placed, response } = asked[outcome.index] as (typeof asked)[0];
      errors.set(hash, outcome.error);
      onFailure?.(failureOf(placed, response, outcome.error));
    }
    await writing;
    return await collect(model, store, read, errors, sha256, asked.length - errors.size, signal);
  } finally {
    ended = true;
    await writing.catch(() => {});
    await store.close();
  }
}

/** Changes with everything that moves a feature by a bit. */
function settingsKey(model: RewardModel, sha256: string): string {
  const parts = [FORMAT, sha256, scoringSettings(model)];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Features into memory, for the cases of which every response has some. */
async function collect(
  model: RewardModel,
  store: FeatureStore,
  read: readonly ReadCase[],
  errors: ReadonlyMap<string, StarlingError>,
  sha256: string,
  computed: number,
  signal: AbortSignal | undefined,
): Promise<FitData> {
  const groups = joinByPrompt(read.map(({ prompts }) => prompts));
  const rowOf = new Map<string, number>();
  const cases: FitCase[] = [];
  const failures: FitFailure[] = [];
  for (const [i, { placed, hashes, grades }] of read.entries()) {
    const { source, row, comparisons } = placed;
    const broken = hashes.findIndex((hash) => errors.has(hash));
    if (broken !== -1) {
      failures.push(failureOf(placed, broken, errors.get(hashes[broken] as string) as StarlingError));
      continue;
    }
    for (const hash of hashes) if (!rowOf.has(hash)) rowOf.set(hash, rowOf.size);
    const rows = hashes.map((hash) => rowOf.get(hash) as number);
    cases.push({ source, row, rows, grades, comparisons, group: groups[i] as string });
  }
  const { path, name, trunkSha256, tokenization } = model.info;
  return {
    head: model.head,
    features: await store.load([...rowOf.keys()], signal),
    cases,
    failures,
    model: { path, name, sha256, ...given({ trunkSha256 }) },
    tokenization,
    ...given({ templateDate: model.tokenizer.settings.templateDate }),
    computed,
  };
}

function failureOf({ source, row, where }: ReadCase["placed"], response: number, error: StarlingError): FitFailure {
  return { source, row, ...given({ where }), response, error };
}

/** Only what is needed of a case when its features are there, so that many fit in memory. */
function withoutTexts({ source, row, where, comparisons }: PlacedCase): ReadCase["placed"] {
  return { source, row, ...given({ where }), comparisons };
}
