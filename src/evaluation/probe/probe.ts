/** probe(): scores texts as they are and as each transformation changes them. */
import { modelPathOf } from "../../model-path.ts";
import { given, takesOnlyOptions } from "../../options.ts";
import { packageVersion } from "../../package-info.ts";
import type { CheckedItem } from "../../prompt/items.ts";
import { readModelFile } from "../../scoring/model-file.ts";
import type { PlacedCase, ScoredCase } from "../case.ts";
import { downloadProgressOf, evaluationSettings, limitOf } from "../evaluate-options.ts";
import { incompleteOf } from "../incomplete.ts";
import { promptKey } from "../item-texts.ts";
import { measureAccuracy } from "../measures/accuracy.ts";
import { type Attempt, type ChangedAttempt, measureProbe, measureSpread, type ProbedCase } from "../measures/shifts.ts";
import { OpenBenchmark } from "../open-benchmark.ts";
import { type OpenModel, openModel } from "../open-model.ts";
import { type CaseOutcome, scoreCases, scoringProgress } from "../score-cases.ts";
import { type Changed, Changer } from "./changer.ts";
import { ProbeFolder } from "./probe-folder.ts";
import { checkProbeOptions, type ProbeOptions } from "./probe-options.ts";
import type { Probe, ProbedText, ProbeReport } from "./report.ts";
import type { Transformation } from "./transformations/transformation.ts";
import { transformations } from "./transformations/transformations.ts";

/** All probes, in the order of the report. */
export const probes: readonly Probe[] = transformations.map(({ name, description, expected, needs, source }) => ({
  ...{ name, description, expected },
  ...given({ needs, source }),
}));

/**
 * Scores responses as they are and as probes change them, and measures how far the scores move and how often the order of two
 * responses changes. Texts that are truncated are left out and counted.
 *
 * @returns the report; it depends only on model, settings and data, even after an interruption
 * @throws InvalidInputError for a wrong option, FileError or HubError for unavailable data or models, NativeError if the model
 *   cannot be loaded
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  takesOnlyOptions("probe", arguments);
  options = checkProbeOptions(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const modelPath = await modelPathOf(options.modelPath, options);
  // Fail before downloading data for a model that cannot be read.
  await readModelFile(modelPath);
  const folder = options.output === undefined ? undefined : await ProbeFolder.open(options.output, signal);
  try {
    const report = await probeData(modelPath, options, folder);
    await folder?.publish(report);
    return report;
  } finally {
    await folder?.close();
  }
}

async function probeData(
  modelPath: string,
  options: ProbeOptions,
  folder: ProbeFolder | undefined,
): Promise<ProbeReport> {
  const { data, load = {}, onProgress, onNotice, signal } = options;
  const settings = evaluationSettings(options);
  onProgress?.({ phase: "reading", benchmark: data.benchmark });
  const benchmark = await OpenBenchmark.open(data, {
    ...settings,
    ...{ limit: limitOf(options, data), unordered: true, single: true },
    onNotice,
    onDownload: downloadProgressOf(data, options),
  });
  const cases: PlacedCase[] = [];
  for await (const one of benchmark.cases) cases.push(one);
  for (const sentence of benchmark.warnings()) onNotice?.(sentence);
  const model = await openModel({
    ...{ modelPath, load, cacheFolder: settings.cacheFolder, onNotice, signal },
    onProgress: (phase, fraction) => onProgress?.({ phase, fraction }),
  });
  try {
    const chosen = transformations.filter(({ name }) => options.probes?.includes(name) ?? true);
    const onText = async (text: ProbedText) => {
      await folder?.add(text);
      await options.onText?.(text);
    };
    return await probeCases({ benchmark, cases, chosen, seed: settings.seed }, model, {
      onText,
      ...given({ onProgress, signal }),
    });
  } finally {
    await model.close();
  }
}

interface ProbeWork {
  readonly benchmark: OpenBenchmark;
  readonly cases: readonly PlacedCase[];
  readonly chosen: readonly Transformation[];
  readonly seed: number;
}

type ProbeModel = Pick<OpenModel, "cache" | "reported" | "settings"> & {
  readonly model: Pick<OpenModel["model"], "scoreEach"> & {
    readonly info: Pick<OpenModel["model"]["info"], "direction">;
  };
};

/** Of what was read and a loaded model. */
export async function probeCases(
  { benchmark, cases, chosen, seed }: ProbeWork,
  { model, cache, reported, settings }: ProbeModel,
  { onText, onProgress, signal }: Pick<ProbeOptions, "onText" | "onProgress" | "signal">,
): Promise<ProbeReport> {
  const changer = new Changer(cases, seed);
  const indices = caseIndices(cases);
  const planned: PlannedCase[] = [];
  const probed: ProbedCase[] = [];
  const scored: ScoredCase[] = [];
  let tokens = 0;
  const report = () => onProgress?.(scoringProgress(benchmark.name, { cases: probed.length, tokens }, cases.length));
  /** Each text is a case of its own, so that one that cannot be scored takes no other with it. */
  function* texts(): Generator<PlacedCase> {
    for (const placed of cases) {
      const plan = planOf(placed, changer, chosen);
      planned.push(plan);
      for (const { response, item } of plan.texts) {
        const { grade } = placed.responses[response] ?? {};
        yield { ...placed, responses: [{ item, grade }], comparisons: [] };
      }
    }
  }
  report();
  const outcomes: CaseOutcome[] = [];
  const finishCases = async () => {
    while (planned[0] !== undefined && outcomes.length >= planned[0].texts.length) {
      const plan = planned.shift() as PlannedCase;
      const own = outcomes.splice(0, plan.texts.length);
      const failure = own.find((outcome) => "error" in outcome);
      if (failure !== undefined && "error" in failure) benchmark.addFailure(plan.placed, failure.error);
      probed.push(probedCase(plan, own, chosen));
      const whole = scoredOriginal(plan, own);
      if (whole !== undefined) scored.push(whole);
      if (onText !== undefined) for (const text of probedTexts(plan, own, indices.get(plan.placed))) await onText(text);
      report();
    }
  };
  const scoring = scoreCases(texts(), model, cache, {
    ...{ signal, direction: model.info.direction },
    onTokens: (done) => {
      tokens = done;
      report();
    },
  });
  for await (const outcome of scoring) {
    outcomes.push(outcome);
    await finishCases();
  }
  await finishCases();
  const spread = measureSpread(probed);
  const { limit } = benchmark;
  const rows = benchmark.counts();
  const known = scored.filter(({ comparisons }) => comparisons.length > 0);
  return {
    formatVersion: 1,
    version: packageVersion(),
    model: reported,
    settings: { ...settings, seed, ...given({ limit }) },
    benchmark: benchmark.name,
    sources: benchmark.sources,
    rows,
    ...incompleteOf(rows),
    prompts: new Set(probed.map(({ prompt }) => prompt)).size,
    scores: spread,
    ...(known.length > 0 ? { accuracy: measureAccuracy(known) } : {}),
    probes: chosen.map(({ name, expected }) => ({
      probe: name,
      expected,
      ...measureProbe(probed, name, spread.standardDeviation),
    })),
    problems: benchmark.problems,
  };
}

/** Of cases whose row has several. */
function caseIndices(cases: readonly PlacedCase[]): ReadonlyMap<PlacedCase, number> {
  const byRow = new Map<string, PlacedCase[]>();
  for (const one of cases) {
    const place = `${one.source} ${one.row}`;
    if (!byRow.get(place)?.push(one)) byRow.set(place, [one]);
  }
  const several = [...byRow.values()].filter((list) => list.length > 1);
  return new Map(several.flatMap((list) => list.map((one, i) => [one, i] as const)));
}

const ORIGINAL = "original";

interface PlannedText {
  readonly response: number;
  /** Of a probe, or {@link ORIGINAL}. */
  readonly probe: string;
  readonly item: CheckedItem;
}

interface PlannedCase {
  readonly placed: PlacedCase;
  /** A response's original comes before its changed texts, most of which begin as it does: the engine computes that once. */
  readonly texts: readonly PlannedText[];
  /** By probe, one entry per response. */
  readonly changed: ReadonlyMap<string, readonly Changed[]>;
}

function planOf(placed: PlacedCase, changer: Changer, chosen: readonly Transformation[]): PlannedCase {
  const texts: PlannedText[] = [];
  const changed = new Map<string, Changed[]>(chosen.map(({ name }) => [name, []]));
  for (const [response, { item }] of placed.responses.entries()) {
    texts.push({ response, probe: ORIGINAL, item });
    for (const transformation of chosen) {
      const one = changer.change(placed, response, transformation);
      changed.get(transformation.name)?.push(one);
      if ("item" in one) texts.push({ response, probe: transformation.name, item: one.item });
    }
  }
  return { placed, texts, changed };
}

function attemptOf(outcome: CaseOutcome | undefined): Attempt {
  if (outcome === undefined || "error" in outcome) return undefined;
  const { scores, truncated } = outcome.scored;
  return { score: scores[0] as number, truncated: truncated[0] === true };
}

function probedCase(
  { placed, texts, changed }: PlannedCase,
  outcomes: readonly CaseOutcome[],
  chosen: readonly Transformation[],
): ProbedCase {
  const attempts = new Map(texts.map(({ probe, response }, i) => [`${response} ${probe}`, attemptOf(outcomes[i])]));
  const of = (probe: string, response: number) => attempts.get(`${response} ${probe}`);
  return {
    prompt: promptKey(placed),
    comparisons: placed.comparisons,
    originals: placed.responses.map((_, response) => of(ORIGINAL, response)),
    changed: new Map(
      chosen.map(({ name }) => {
        const own = changed.get(name) ?? [];
        return [name, own.map((one, response): ChangedAttempt => ("skipped" in one ? one : of(name, response)))];
      }),
    ),
  };
}

/** The case as eval would score it; undefined if a text of it failed. */
function scoredOriginal({ placed, texts }: PlannedCase, outcomes: readonly CaseOutcome[]): ScoredCase | undefined {
  const own = texts.flatMap(({ probe }, i) => (probe === ORIGINAL ? [outcomes[i] as CaseOutcome] : []));
  const scored = own.flatMap((outcome) => ("scored" in outcome ? [outcome.scored] : []));
  const [first] = scored;
  if (first === undefined || scored.length < own.length) return undefined;
  return {
    ...first,
    prompt: promptKey(placed),
    comparisons: placed.comparisons,
    grades: placed.responses.map(({ grade }) => grade),
    scores: scored.map(({ scores }) => scores[0] as number),
    lengths: scored.map(({ lengths }) => lengths[0] as number),
    tokenCounts: scored.map(({ tokenCounts }) => tokenCounts[0] as number),
    truncated: scored.map(({ truncated }) => truncated[0] as boolean),
  };
}

function* probedTexts(
  { placed, texts }: PlannedCase,
  outcomes: readonly CaseOutcome[],
  caseIndex: number | undefined,
): Generator<ProbedText> {
  const { source, row, id } = placed;
  let original: number | undefined;
  for (const [i, { response: responseIndex, probe, item }] of texts.entries()) {
    const outcome = outcomes[i] as CaseOutcome;
    const place = { source, row, ...given({ id, caseIndex }), responseIndex, probe };
    if ("error" in outcome) {
      if (probe === ORIGINAL) original = undefined;
      yield { ...place, error: outcome.error.message, item };
      continue;
    }
    const { scores, tokenCounts, truncated } = outcome.scored;
    const score = scores[0] as number;
    if (probe === ORIGINAL) original = score;
    const shift = probe === ORIGINAL || original === undefined ? undefined : score - original + 0;
    const tokenCount = tokenCounts[0] as number;
    yield { ...place, score, ...given({ shift }), tokenCount, truncated: truncated[0] as boolean, item };
  }
}
