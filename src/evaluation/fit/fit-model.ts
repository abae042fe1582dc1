/** A fit from beginning to end: preferences, features, the head, the files that hold it. */

import { defaultCacheFolder } from "../../cache-folder.ts";
import { InvalidInputError, invalidArgument } from "../../errors.ts";
import { openFile } from "../../files/byte-source.ts";
import { checkRoom } from "../../files/disk-room.ts";
import { changedFile } from "../../files/opened-file.ts";
import { OutputFile } from "../../files/output-file.ts";
import { isSameFile } from "../../files/same-file.ts";
import { findTarget } from "../../files/target.ts";
import { modelPathOf } from "../../model-path.ts";
import { aBoolean, aFunction, aString, checkOptions, given } from "../../options.ts";
import { packageVersion } from "../../package-info.ts";
import type {
  DownloadProgress,
  ExtractProgress,
  FitProgress,
  HashProgress,
  LoadProgress,
  WriteProgress,
} from "../../progress.ts";
import type { RewardHead } from "../../reward-head.ts";
import { aLoad } from "../../scoring/load-options.ts";
import { replaceHeadIn, writeHeadTo } from "../../write-head.ts";
import { checkRequest, rowRuleChecks } from "../evaluate.ts";
import { modelHash } from "../model-hash.ts";
import { type BenchmarkRequest, OpenBenchmark } from "../open-benchmark.ts";
import { type LoadSettings, type OpenModel, openModel } from "../open-model.ts";
import type { RowProblem } from "../read-cases.ts";
import type { ReportedModel, ReportedProblem, ReportedSettings, ReportedSource, RowCounts } from "../report.ts";
import { extractFeatures } from "./extract-features.ts";
import type { FitData, FitFailure } from "./fit-data.ts";
import { DEFAULT_HELD_OUT, type FitOptions, type FitResult, fitChecks, fitHead } from "./fit-head.ts";

export interface FitModelOptions extends Omit<FitOptions, "onTrial" | "onProgress"> {
  /** A GGUF that `starling-rm convert` made. */
  readonly modelPath: string;
  /** The preferences: any benchmark's, of which all cases are taken. */
  readonly data: BenchmarkRequest;
  /** How the model is loaded. With `headPath` the fit starts from that head. */
  readonly load?: LoadSettings;
  /** A copy of the model with the new head, to be written. */
  readonly output?: string;
  /** A head file, to be written: for `headPath` beside the model. */
  readonly headOutput?: string;
  /** Replace existing outputs; default false. */
  readonly overwrite?: boolean;
  /** Stop at the first row that cannot be understood or scored, or that a warning is about; default false: it is told. */
  readonly strict?: boolean;
  /** Names of fields that belong to the input, such as "tools", and are left out on purpose; default: none. */
  readonly ignoreFields?: readonly string[];
  /** Whether a chosen and a rejected conversation may differ before their last turn; default "refuse". */
  readonly differentPrompts?: "refuse" | "allow";
  /** Where features are kept for another run; default: the package's cache folder ($STARLING_RM_CACHE). */
  readonly cacheFolder?: string;
  /** Called for each row that cannot be understood and each case that cannot be scored. */
  readonly onProblem?: (problem: RowProblem) => void;
  /** Reports the phases "downloading", "hashing", "loading", "extracting", "fitting" and "writing". */
  readonly onProgress?: (
    progress: DownloadProgress | HashProgress | LoadProgress | ExtractProgress | FitProgress | WriteProgress,
  ) => void;
  /** Called with what does not stop the work but should be known. */
  readonly onNotice?: (message: string) => void;
}

/** What `fit --json` prints. Nothing in it depends on when or how fast it was made. */
export interface FitReport extends Omit<FitResult, "head"> {
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  readonly model: ReportedModel;
  readonly settings: Omit<ReportedSettings, "limit"> & {
    /** Part of the prompts that was to be held out. */
    readonly heldOut: number;
  };
  readonly sources: readonly ReportedSource[];
  readonly rows: RowCounts;
  readonly problems: readonly ReportedProblem[];
  /** The files that were written, as they were named. */
  readonly output?: string;
  readonly headOutput?: string;
}

/**
 * Fits the reward head of a model to preferences and writes it. Features are computed once for each response and kept in the
 * cache folder, so that a run that was stopped goes on, and ends in the same head (on a GPU in packed batches: as far as
 * features do not depend on their company there).
 *
 * @returns the report, and the new head
 * @throws InvalidInputError for a wrong option or data that nothing can be fitted to, FileError or HubError for data or a
 *   model that cannot be had or an output that cannot be written, NativeError where the model cannot be loaded
 */
export async function fitModel(options: FitModelOptions): Promise<{ report: FitReport; head: RewardHead }> {
  options = checkOptions(
    "fitModel",
    options,
    {
      ...fitChecks,
      modelPath: aString,
      data: () => undefined,
      load: aLoad,
      output: aString,
      headOutput: aString,
      overwrite: aBoolean,
      strict: aBoolean,
      ...rowRuleChecks,
      cacheFolder: aString,
      onProblem: aFunction,
      onProgress: aFunction,
      onNotice: aFunction,
    },
    ["modelPath", "data"],
  );
  checkRequest(options.data, "data");
  options.signal?.throwIfAborted();
  const resolved = { ...options, modelPath: await modelPathOf(options.modelPath, options.signal) };
  const outputs = await claimOutputs(resolved);
  try {
    return await fitTo(outputs, resolved);
  } finally {
    await outputs.release();
  }
}

async function fitTo(outputs: Outputs, options: FitModelOptions): Promise<{ report: FitReport; head: RewardHead }> {
  const { output, headOutput, seed = 0, heldOut = DEFAULT_HELD_OUT } = options;
  const { data, model, benchmark } = await readFeatures(options, seed);
  const { head, ...fitted } = await fitHead(data, {
    ...given({ ridge: options.ridge, signal: options.signal, onProgress: options.onProgress }),
    heldOut,
    seed,
  });
  if (!fitted.converged)
    options.onNotice?.(
      `the fit stopped after ${fitted.iterations} iterations with a gradient of ${fitted.gradientNorm.toExponential(2)}, ` +
        `above its tolerance of ${fitted.gradientTolerance.toExponential(2)}`,
    );
  await writeOutputs(outputs, options, data, benchmark.sources, head, fitted);
  const report: FitReport = {
    formatVersion: 1,
    version: packageVersion(),
    model: model.reported,
    settings: { ...model.settings, seed, heldOut },
    sources: benchmark.sources,
    rows: benchmark.counts(),
    problems: benchmark.problems,
    ...fitted,
    ...given({ output, headOutput }),
  };
  return { report, head };
}

/** The files that are to be written, held from the beginning: two fits to one file would be hours for one of them. */
interface Outputs {
  readonly model: OutputFile | undefined;
  readonly head: OutputFile | undefined;
  release(): Promise<void>;
}

/** What would make hours of work useless, or destroy what they began with, is found before. */
async function claimOutputs(options: FitModelOptions): Promise<Outputs> {
  const { modelPath, data, output, headOutput, overwrite = false, signal } = options;
  const claimed: OutputFile[] = [];
  const release = async () => {
    for (const file of claimed) await file.release();
  };
  const claim = async (field: string, name: string | undefined) => {
    if (name === undefined) return undefined;
    const { path } = await findTarget(name, overwrite);
    if (claimed.some(({ target }) => target.path === path))
      throw invalidArgument(field, "another file than output", name);
    for (const input of data.inputs ?? [])
      if (await isSameFile(path, input)) throw invalidArgument(field, "another file than the preferences", name);
    // A whole model may take the old one's place, a head alone may not.
    if (field === "headOutput" && (await isSameFile(path, modelPath)))
      throw invalidArgument(field, "another file than the model", name);
    const file = await OutputFile.claim(name, { overwrite, signal });
    claimed.push(file);
    return file;
  };
  try {
    const outputs = { model: await claim("output", output), head: await claim("headOutput", headOutput), release };
    if (outputs.model !== undefined) {
      const model = await openFile(modelPath);
      await model.close();
      await checkRoom(outputs.model.target.path, model.size, output);
    }
    return outputs;
  } catch (error) {
    await release();
    throw error;
  }
}

/** The model is closed before the fit, which does not need it. */
async function readFeatures(
  options: FitModelOptions,
  seed: number,
): Promise<{ data: FitData; model: Pick<OpenModel, "reported" | "settings">; benchmark: OpenBenchmark }> {
  const { modelPath, load = {}, strict = false, signal, onProgress, onProblem = () => {} } = options;
  const { cacheFolder = defaultCacheFolder() } = options;
  const benchmark = await OpenBenchmark.open(options.data, {
    limit: undefined,
    seed,
    strict,
    ...given({ ignoreFields: options.ignoreFields, differentPrompts: options.differentPrompts }),
    onProblem,
    onDownload: (progress) => onProgress?.(progress),
    signal,
  });
  const model = await openModel({
    modelPath,
    load,
    cacheFolder: undefined,
    onProgress: (phase, fraction) => onProgress?.({ phase, fraction }),
    signal,
    onNotice: options.onNotice,
  });
  try {
    const take = ({ error, ...place }: FitFailure) => benchmark.addFailure(place, error);
    const data = await extractFeatures({
      model: model.model,
      cases: benchmark.cases,
      cacheFolder,
      modelSha256: model.reported.sha256,
      ...given({ signal, onProgress, onFailure: strict ? take : undefined }),
    });
    data.failures.forEach(take);
    for (const sentence of benchmark.warnings()) options.onNotice?.(sentence);
    if (data.cases.length === 0)
      throw new InvalidInputError("ERR_INVALID_ARGUMENT", noCases(benchmark), { field: "data" });
    return { data, model, benchmark };
  } finally {
    await model.close();
  }
}

function noCases(benchmark: OpenBenchmark): string {
  const { read, broken, failed, omitted } = benchmark.counts();
  const reasons = [
    ...(broken > 0 ? [`${broken} could not be understood`] : []),
    ...(failed > 0 ? [`${failed} could not be scored`] : []),
    ...Object.entries(omitted).map(([reason, count]) => `${count}: ${reason}`),
  ];
  const names = benchmark.sources.map(({ name }) => name).join(", ");
  return `There is no case to fit a head to among the ${read} rows of ${names}${reasons.length === 0 ? "" : ` (${reasons.join(", ")})`}.`;
}

async function writeOutputs(
  outputs: Outputs,
  { modelPath, cacheFolder, signal, onProgress }: FitModelOptions,
  { model, tokenization, templateDate }: FitData,
  sources: readonly ReportedSource[],
  head: RewardHead,
  { ridge, training }: Pick<FitResult, "ridge" | "training">,
): Promise<void> {
  const input = sources.map(({ name }) => name).join(", ");
  // The model was closed before the fit, which may have taken a while.
  if ((await modelHash(modelPath, given({ cacheFolder, signal }))) !== model.sha256) throw changedFile(modelPath);
  const { trunkSha256 } = model;
  const made = { model: model.name, modelSha256: model.sha256, ...given({ trunkSha256 }) };
  const fit = { ...made, input, cases: training.cases, ridge, ...given({ templateDate }) };
  const content = { modelPath, head, tokenization, fit, ...given({ signal }) };
  if (outputs.head !== undefined) await writeHeadTo(outputs.head, { ...content, output: outputs.head.name });
  if (outputs.model !== undefined)
    await replaceHeadIn(outputs.model, {
      ...content,
      output: outputs.model.name,
      ...given({ onProgress }),
    });
}
