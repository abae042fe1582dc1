/** Fits a head to preference data from start to finish: features, fit, output files. */

import { defaultCacheFolder } from "../../cache-folder.ts";
import { InvalidInputError, invalidArgument } from "../../errors.ts";
import { checkRoom } from "../../files/disk-room.ts";
import { changedFile } from "../../files/opened-file.ts";
import { OutputFile } from "../../files/output-file.ts";
import { isSameFile } from "../../files/same-file.ts";
import { findTarget } from "../../files/target.ts";
import { OpenedGguf } from "../../gguf/opened-gguf.ts";
import { modelPathOf } from "../../model-path.ts";
import { aBoolean, aFunction, aString, checkOptions, given, takesOnlyOptions } from "../../options.ts";
import { packageVersion } from "../../package-info.ts";
import { plural } from "../../plural.ts";
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
import { checkRequest, rowRuleChecks } from "../evaluate-options.ts";
import { modelHash } from "../model-hash.ts";
import { type BenchmarkRequest, OpenBenchmark } from "../open-benchmark.ts";
import { type LoadSettings, type OpenModel, openModel } from "../open-model.ts";
import type { RowProblem } from "../read-cases.ts";
import type { ReportedModel, ReportedProblem, ReportedSettings, ReportedSource, RowCounts } from "../report.ts";
import { extractFeatures } from "./extract-features.ts";
import { checkFittable, type FitData, type FitFailure } from "./fit-data.ts";
import { DEFAULT_HELD_OUT, type FitOptions, type FitResult, fitChecks, fitHead } from "./fit-head.ts";

/** Options of fitModel(). */
export interface FitModelOptions extends Omit<FitOptions, "onTrial" | "onProgress" | "threads"> {
  /** A GGUF made by `convert`, or "tiny" for the embedded model. */
  readonly modelPath: string;
  /** The preferences: all cases of any benchmark. */
  readonly data: BenchmarkRequest;
  /** Options for loading the model. With `headPath`, the fit starts from that head. */
  readonly load?: LoadSettings;
  /** Where to write a copy of the model with the new head. */
  readonly output?: string;
  /** Where to write only the head, for `headPath`. */
  readonly headOutput?: string;
  /** Replace existing outputs. Default: false. */
  readonly overwrite?: boolean;
  /** Stop at the first row that is invalid, cannot be scored or causes a warning. Default: false, such rows are reported. */
  readonly strict?: boolean;
  /** Input fields, such as "tools", that may be ignored. Default: none; a row with an unread input field is invalid. */
  readonly ignoreFields?: readonly string[];
  /** Whether chosen and rejected conversations may differ before their last turn. Default: "refuse". */
  readonly differentPrompts?: "refuse" | "allow";
  /** Folder for features, reused by later runs. Default: the package's cache folder ($STARLING_RM_CACHE). */
  readonly cacheFolder?: string;
  /** Called for each invalid row and each case that could not be scored. */
  readonly onProblem?: (problem: RowProblem) => void;
  /** Reports the phases "downloading", "hashing", "loading", "extracting", "fitting" and "writing". */
  readonly onProgress?: (
    progress: DownloadProgress | HashProgress | LoadProgress | ExtractProgress | FitProgress | WriteProgress,
  ) => void;
  /** Called with warnings that do not stop the fit. */
  readonly onNotice?: (message: string) => void;
}

/** What fitModel() returns. */
export interface FittedModel {
  /** What `fit --json` prints. */
  readonly report: FitReport;
  /** The new head. */
  readonly head: RewardHead;
}

/** What `fit --json` prints. Contains no times or speeds. */
export interface FitReport extends Omit<FitResult, "head"> {
  /** Of this object; it changes when a field changes its meaning. */
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** The model that the head was fitted for. */
  readonly model: ReportedModel;
  /** How the features were computed, and how the cases were split. */
  readonly settings: Omit<ReportedSettings, "limit"> & {
    /** Requested fraction of held-out prompts. */
    readonly heldOut: number;
  };
  /** The files that the preferences come from. */
  readonly sources: readonly ReportedSource[];
  /** How many rows were read, skipped and used. */
  readonly rows: RowCounts;
  /** The first rows that are invalid or could not be scored, with the reason. */
  readonly problems: readonly ReportedProblem[];
  /** The files that were written, as given in the options. */
  readonly output?: string;
  /** The head file that was written, as it was named. */
  readonly headOutput?: string;
}

/**
 * Fits the reward head of a model to preferences and writes it. Features are computed once per response and cached, so an
 * interrupted run resumes and gives the same head. (On a GPU in packed mode, features can depend slightly on the batch.)
 *
 * @returns the report and the new head
 * @throws InvalidInputError for a wrong option or data that a head cannot be fitted to, FileError or HubError for unavailable
 *   data or models and for outputs that cannot be written, NativeError if the model cannot be loaded
 */
export async function fitModel(options: FitModelOptions): Promise<FittedModel> {
  takesOnlyOptions("fitModel", arguments);
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
  const resolved = { ...options, modelPath: await modelPathOf(options.modelPath, options) };
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
    ...given({ threads: options.load?.threads, calibrate: options.calibrate }),
    heldOut,
    seed,
  });
  if (!fitted.converged)
    options.onNotice?.(
      `the fit stopped after ${plural(fitted.iterations, "iteration")} with a gradient of ${fitted.gradientNorm.toExponential(2)}, ` +
        `above its tolerance of ${fitted.gradientTolerance.toExponential(2)}`,
    );
  if (options.calibrate && fitted.calibration === undefined)
    options.onNotice?.(
      "no calibration was stored: the scores of held-out folds are right in all comparisons, or no better than chance, " +
        "so no temperature is the best",
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

/** Output files, locked from the start: with two fits to one file, one would waste hours. */
interface Outputs {
  readonly model: OutputFile | undefined;
  readonly head: OutputFile | undefined;
  release(): Promise<void>;
}

/** Finds out before hours of work whether an output cannot be written or would overwrite an input. */
async function claimOutputs(options: FitModelOptions): Promise<Outputs> {
  const { modelPath, data, output, headOutput, overwrite = false, signal } = options;
  const claimed: OutputFile[] = [];
  const release = async () => {
    for (const file of claimed) await file.release();
  };
  const model = await OpenedGguf.open(modelPath);
  const claim = async (field: string, name: string | undefined) => {
    if (name === undefined) return undefined;
    const { path } = await findTarget(name, overwrite);
    if (claimed.some(({ target }) => target.path === path))
      throw invalidArgument(field, "a file other than output", name);
    for (const input of data.inputs ?? [])
      if (await isSameFile(path, input)) throw invalidArgument(field, "a file other than the inputs", name);
    // A complete model may replace the old one; a head file may not, and nothing a part of it.
    if ((field === "headOutput" || model.parts.length > 1) && (await model.isAt(path)))
      throw invalidArgument(field, "a file other than the model", name);
    const file = await OutputFile.claim(name, { overwrite, signal });
    claimed.push(file);
    return file;
  };
  try {
    const outputs = { model: await claim("output", output), head: await claim("headOutput", headOutput), release };
    if (outputs.model !== undefined) await checkRoom(outputs.model.target.path, model.size, output);
    return outputs;
  } catch (error) {
    await release();
    throw error;
  } finally {
    await model.close();
  }
}

/** Closes the model before the fit, which does not need it. */
async function readFeatures(
  options: FitModelOptions,
  seed: number,
): Promise<{ data: FitData; model: Pick<OpenModel, "reported" | "settings">; benchmark: OpenBenchmark }> {
  const { modelPath, load = {}, strict = false, signal, onProgress, onProblem = () => {} } = options;
  const { cacheFolder = defaultCacheFolder() } = options;
  const benchmark = await OpenBenchmark.open(options.data, {
    onNotice: options.onNotice,
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
    checkFittable(model.model.head, "modelPath");
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
  const { read, broken, failed, omitted, problems } = benchmark.counts();
  const reasons = [
    ...(broken > 0 ? [`${broken} invalid`] : []),
    ...(failed > 0 ? [`${failed} could not be scored`] : []),
    ...Object.entries(omitted).map(([reason, count]) => `${count}: ${reason}`),
  ];
  const [problem] = Object.keys(problems);
  const first = problem === undefined ? "" : ` Most often: ${problem.replace(/\.$/, "")}.`;
  const names = benchmark.sources.map(({ name }) => name).join(", ");
  return `No cases to fit a head to in the ${plural(read, "row")} of ${names}${reasons.length === 0 ? "" : ` (${reasons.join(", ")})`}.${first}`;
}

async function writeOutputs(
  outputs: Outputs,
  { modelPath, cacheFolder, signal, onProgress }: FitModelOptions,
  { model, tokenization, templateDate }: FitData,
  sources: readonly ReportedSource[],
  head: RewardHead,
  { ridge, training, calibration }: Pick<FitResult, "ridge" | "training" | "calibration">,
): Promise<void> {
  const input = sources.map(({ name }) => name).join(", ");
  // The model was closed before the fit, so its file may have changed since.
  if ((await modelHash(modelPath, given({ cacheFolder, signal }))) !== model.sha256) throw changedFile(modelPath);
  const { trunkSha256 } = model;
  const made = { model: model.name, modelSha256: model.sha256, ...given({ trunkSha256 }) };
  const calibrated = calibration && { temperature: calibration.temperature, offset: calibration.offset };
  const fit = { ...made, input, cases: training.cases, ridge, ...given({ templateDate, calibration: calibrated }) };
  const content = { modelPath, head, tokenization, fit, ...given({ signal }) };
  if (outputs.head !== undefined) await writeHeadTo(outputs.head, { ...content, output: outputs.head.name });
  if (outputs.model !== undefined)
    await replaceHeadIn(outputs.model, {
      ...content,
      output: outputs.model.name,
      ...given({ onProgress }),
    });
}
