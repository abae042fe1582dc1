/** Computes the features of all responses, with a cache on disk. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { defaultCacheFolder } from "../../cache-folder.ts";
import { invalidArgument, type StarlingError } from "../../errors.ts";
import {
  aFunction,
  anIterable,
  aSignal,
  aString,
  checkOptions,
  given,
  readable,
  takesOnlyOptions,
} from "../../options.ts";
import type { ExtractProgress, HashProgress } from "../../progress.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import { openedFileOf, RewardModel } from "../../scoring/reward-model.ts";
import type { PlacedCase } from "../case.ts";
import { itemHash, promptHash } from "../item-texts.ts";
import { modelHash } from "../model-hash.ts";
import { scoringSettings } from "../scoring-settings.ts";
import { FeatureStore } from "./feature-store.ts";
import type { FitCase, FitData, FitFailure } from "./fit-data.ts";
import { joinByPrompt } from "./split.ts";

/** Options of extractFeatures(). */
export interface ExtractOptions {
  /** The loaded model that computes them. */
  readonly model: RewardModel;
  /** Cases as a benchmark yields them; read once, on demand. */
  readonly cases: AsyncIterable<PlacedCase> | Iterable<PlacedCase>;
  /** Folder for features. Default: the package's cache folder ($STARLING_RM_CACHE). */
  readonly cacheFolder?: string;
  /** SHA-256 of the model's file, if known. Default: it is computed. */
  readonly modelSha256?: string;
  /** Reports the phases "hashing" and "extracting". */
  readonly onProgress?: (progress: HashProgress | ExtractProgress) => void;
  /**
   * Called when a response fails, with the first case it belongs to; the result lists all of them in `failures`. An exception
   * from it stops the extraction.
   */
  readonly onFailure?: (failure: FitFailure) => void;
  /** Aborts the extraction; the promise rejects with the signal's reason. Finished features stay in the cache. */
  readonly signal?: AbortSignal;
}

/** Raise when the stored format or its meaning changes. */
const FORMAT = 1;

interface ReadCase {
  readonly placed: Pick<PlacedCase, "source" | "row" | "where" | "comparisons">;
  readonly hashes: readonly string[];
  readonly prompts: readonly string[];
  readonly grades: readonly (number | undefined)[];
}

/**
 * Computes the features of every response and loads them into memory: 4 bytes per response and hidden dimension. Features go to
 * the cache folder as they are computed, so a later run computes only missing ones. In exact mode features are reproducible
 * bit for bit.
 *
 * @throws InvalidInputError for a wrong option; FileError if the cache folder is not writable or the model's file changed since
 *   it was loaded; whatever `cases` throws
 */
export async function extractFeatures(options: ExtractOptions): Promise<FitData> {
  takesOnlyOptions("extractFeatures", arguments);
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
    (await modelHash(openedFileOf(model), {
      cacheFolder,
      ...given({ signal }),
      onProgress: ({ bytesDone, bytesTotal }) => onProgress?.({ phase: "hashing", fraction: bytesDone / bytesTotal }),
    }));
  // Never store features under another file's hash, not even if the caller passed the hash.
  await openedFileOf(model).assertUnchanged();
  const folder = join(cacheFolder, "features", settingsKey(model, sha256));
  const store = await FeatureStore.open(folder, model.info.embeddingLength, signal);
  // Features are written as soon as they are computed. Outcomes come in input order, which can be much later.
  let writing = Promise.resolve();
  let ended = false;
  try {
    const read: ReadCase[] = [];
    const requested: { hash: string; placed: ReadCase["placed"]; response: number }[] = [];
    const errors = new Map<string, StarlingError>();
    const pending = new Set<string>();
    let tokens = 0;
    let known = 0;
    const report = () =>
      onProgress?.({ phase: "extracting", casesDone: read.length, responsesDone: known, tokensDone: tokens });
    async function* missing(): AsyncGenerator<ScoreItem> {
      for await (const placed of cases) {
        signal?.throwIfAborted();
        const hashes = hashesOf(placed, `cases[${read.length}]`);
        const place = withoutTexts(placed);
        read.push({
          placed: place,
          hashes,
          prompts: placed.responses.map(({ item }) => promptHash(item)),
          grades: placed.responses.map(({ grade }) => grade),
        });
        for (const [i, { item }] of placed.responses.entries()) {
          const hash = hashes[i] as string;
          if (store.has(hash) || pending.has(hash)) {
            known += 1;
            continue;
          }
          pending.add(hash);
          requested.push({ hash, placed: place, response: i });
          yield item;
        }
        report();
      }
    }
    const outcomes = model.featuresEach(missing(), {
      nameItem: (index) => `responses[${requested[index]?.response}]`,
      onResult: ({ index, features, tokenCount }) => {
        if (ended) return;
        const { hash } = requested[index] as (typeof requested)[0];
        writing = writing.then(() => store.add(hash, features));
        writing.catch(() => {});
        known += 1;
        tokens += tokenCount;
        report();
      },
      ...given({ signal }),
    });
    for await (const outcome of outcomes) {
      await writing;
      if (!("error" in outcome)) continue;
      const { hash, placed, response } = requested[outcome.index] as (typeof requested)[0];
      errors.set(hash, outcome.error);
      onFailure?.(failureOf(placed, response, outcome.error));
    }
    await writing;
    return await collect(model, store, read, errors, sha256, requested.length - errors.size, signal);
  } finally {
    ended = true;
    await writing.catch(() => {});
    await store.close();
  }
}

/** @throws InvalidInputError for an invalid case */
function hashesOf(placed: PlacedCase, name: string): string[] {
  return readable(name, () => {
    const { source, row, responses, comparisons } = placed;
    const fits = Number.isInteger(source) && Number.isInteger(row) && Array.isArray(comparisons);
    if (!fits || !Array.isArray(responses))
      throw invalidArgument(name, "{ source, row, responses, comparisons }", placed);
    return responses.map(({ item }) => itemHash(item));
  });
}

/** A hash of everything that can change a feature. */
function settingsKey(model: RewardModel, sha256: string): string {
  const parts = [FORMAT, sha256, scoringSettings(model)];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Loads the features of all cases without a failed response. */
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

/** The part of a case that is still needed once its features are known, so that many fit in memory. */
function withoutTexts({ source, row, where, comparisons }: PlacedCase): ReadCase["placed"] {
  return { source, row, ...given({ where }), comparisons };
}
