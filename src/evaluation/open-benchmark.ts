/** Opens a benchmark: finds its sources, reads the rows, takes the sample. */
import { basename } from "node:path";
import { InvalidInputError, type StarlingError } from "../errors.ts";
import { given } from "../options.ts";
import type { DownloadProgress } from "../progress.ts";
import type { FieldMapping } from "../prompt/field-map.ts";
import type { InputFormat } from "../rows/format.ts";
import { openRows } from "../rows/open-rows.ts";
import type { Layout } from "./adapters/layout.ts";
import { pairsLayout } from "./adapters/layouts.ts";
import { type Benchmark, benchmarks } from "./benchmarks.ts";
import type { BenchmarkName, PlacedCase } from "./case.ts";
import { refuseLabels } from "./check-labels.ts";
import { findLayout } from "./find-layout.ts";
import { promptKey } from "./item-texts.ts";
import { rowMap } from "./mapped-fields.ts";
import { ProblemKinds } from "./problem-kinds.ts";
import { CaseReader, type RowProblem, type RowRules } from "./read-cases.ts";
import type { ReportedProblem, ReportedSource, RowCounts } from "./report.ts";
import type { FactFields } from "./row-facts.ts";
import { sampleCases } from "./sample.ts";
import { type ResolvedSource, resolveSource } from "./sources.ts";

/** A benchmark and its data. */
export interface BenchmarkRequest {
  /** How the rows are read and what is compared. */
  readonly benchmark: BenchmarkName;
  /**
   * Files (parquet, JSON lines, JSON, CSV or TSV, also .gz, .zst and .xz), folders, patterns ("data/*.jsonl"), data sets on the hub
   * (hf:OWNER/NAME, hf:OWNER/NAME@REVISION/FILE) or "-" for standard input, read one after another. Default: the benchmark's own
   * data set at a pinned revision; "pairs" has none.
   */
  readonly inputs?: readonly string[];
  /** Names of the fields in the rows: { prompt: "question", chosen: "better" }. Default: the benchmark's own names. */
  readonly fields?: FieldMapping;
  /**
   * How the rows of "pairs" are laid out: an adapter's name (see preferenceAdapters). Default: found from the columns of each
   * input.
   */
  readonly adapter?: string;
  /** The format of all inputs. Default: recognised by name and content. */
  readonly format?: InputFormat;
}

export interface OpenBenchmarkOptions extends RowRules {
  /** Maximum number of prompts; undefined: all, streamed without sampling. */
  readonly limit: number | undefined;
  readonly seed: number;
  /** Stop at the first row that is invalid or cannot be scored. */
  readonly strict: boolean;
  /** Fields by which accuracy is broken down. */
  readonly by?: readonly string[] | undefined;
  /** Fields that name models and paraphrases. */
  readonly facts?: FactFields | undefined;
  /** Accept cases without any known order. */
  readonly unordered?: boolean;
  /** Of "pairs": accept rows with a single response, as `score` reads them. */
  readonly single?: boolean;
  readonly onProblem: (problem: RowProblem) => void;
  readonly onDownload?: (progress: DownloadProgress) => void;
  /** Called with what is worth knowing about the files, each thing once. */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

type CasePosition = Pick<PlacedCase, "source" | "row" | "where">;

/** Problems listed in a report; `onProblem` gets all of them. */
export const MAX_REPORTED_PROBLEMS = 100;

export class OpenBenchmark {
  readonly name: BenchmarkName;
  readonly definition: Benchmark;
  readonly sources: readonly ReportedSource[];
  readonly cases: Iterable<PlacedCase> | AsyncIterable<PlacedCase>;
  /** Maximum number of prompts; undefined: all. */
  readonly limit: number | undefined;
  /** Number of cases; undefined while cases are streamed. */
  readonly total: number | undefined;
  /** The first problems, for the report. */
  readonly problems: readonly ReportedProblem[];
  readonly #resolved: readonly ResolvedSource[];
  readonly #reader: CaseReader;
  readonly #reportProblem: (problem: RowProblem) => void;
  readonly #kinds: ProblemKinds;
  #failed = 0;

  private constructor(
    definition: Benchmark,
    resolved: readonly ResolvedSource[],
    sources: readonly ReportedSource[],
    reader: CaseReader,
    sample: readonly PlacedCase[] | undefined,
    limit: number | undefined,
    problems: readonly ReportedProblem[],
    kinds: ProblemKinds,
    reportProblem: (problem: RowProblem) => void,
  ) {
    this.name = definition.name;
    this.definition = definition;
    this.#resolved = resolved;
    this.sources = sources;
    this.#reader = reader;
    this.cases = sample ?? reader.cases();
    this.total = sample?.length;
    this.limit = limit;
    this.problems = problems;
    this.#kinds = kinds;
    this.#reportProblem = reportProblem;
  }

  /**
   * @throws InvalidInputError, FileError or HubError for unavailable data; with `strict` also for the first invalid row
   */
  static async open(request: BenchmarkRequest, options: OpenBenchmarkOptions): Promise<OpenBenchmark> {
    const { limit, seed, onDownload, signal } = options;
    const definition = benchmarks[request.benchmark];
    const download = given({ signal, onProgress: onDownload });
    const resolved: ResolvedSource[] = [];
    for (const input of request.inputs ?? [undefined])
      resolved.push(...(await resolveSource(input, request.benchmark, download)));
    const { adapter, fields, format } = request;
    const { unordered = false, single = false, strict, ignoreFields, differentPrompts } = options;
    const layouts: Layout[] = [];
    if (definition.name === "pairs")
      for (const source of resolved)
        layouts.push(await findLayout(source, { ...given({ adapter, fields, format, signal }), single }));
    else if (request.inputs !== undefined)
      // Its own data set is known.
      for (const source of resolved)
        await refuseLabels(source, definition, { ...rowMap(fields, format), signal, isFound: true });
    tellLayouts(layouts, options.onNotice);
    const problems: ReportedProblem[] = [];
    const kinds = new ProblemKinds();
    const reportProblem = problemReporter(options, problems, kinds);
    const rules = given({ ignoreFields, differentPrompts });
    const reader = new CaseReader(definition, resolved, {
      ...rules,
      ...given({ fields, format, by: options.by, facts: options.facts, onNotice: options.onNotice }),
      layouts,
      unordered,
      single,
      strict,
      onProblem: reportProblem,
      signal,
    });
    const sample = limit === undefined ? undefined : await sampleCases(reader.cases(), limit, seed, promptKey);
    // Streamed rows are checked when all were scored.
    if (sample !== undefined) reader.checkFields();
    const sources: ReportedSource[] = [];
    for (const [i, source] of resolved.entries()) sources.push(await reportedSource(source, layouts[i]));
    return new OpenBenchmark(definition, resolved, sources, reader, sample, limit, problems, kinds, reportProblem);
  }

  /** Complete after all cases were read. */
  counts(): RowCounts {
    const counts = this.#reader.counts;
    const omitted = Object.fromEntries(Object.entries(counts.omitted).sort(([a], [b]) => (a < b ? -1 : 1)));
    const sampled = this.total ?? counts.cases;
    return { ...counts, omitted, sampled, failed: this.#failed, problems: this.#kinds.counts() };
  }

  /** @throws InvalidInputError for a field that was asked for and that no row has. To be called when all cases were read. */
  checkFields(): void {
    this.#reader.checkFields();
  }

  /** Warnings about the rows, one sentence per kind. Complete after all cases were read. */
  warnings(): readonly string[] {
    return this.#reader.warnings.sentences();
  }

  /** Counts and reports a case that could not be scored. @throws StrictStop if `strict` */
  addFailure({ source, row, where = `row ${row}` }: CasePosition, error: StarlingError): void {
    this.#failed += 1;
    const name = this.#resolved[source]?.name ?? "";
    this.#reportProblem({ source: name, sourceIndex: source, row, where, error });
  }
}

/** Names local files without their folder, so the report does not depend on where they are. */
async function reportedSource({ name, path }: ResolvedSource, layout: Layout | undefined): Promise<ReportedSource> {
  const rows = await openRows(path, { name });
  try {
    const read = layout === undefined ? {} : { adapter: layout.name, readAs: layout.title };
    return { name: name === path ? basename(path) : name, sha256: await rows.sha256(), ...read };
  } finally {
    await rows.close();
  }
}

/** What was recognised is worth knowing before hours of scoring. */
function tellLayouts(found: readonly Layout[], onNotice: OpenBenchmarkOptions["onNotice"]): void {
  for (const { name, title, compared } of new Set(found))
    if (name !== pairsLayout.name) onNotice?.(`reading the rows as ${title} (${name}): ${compared}`);
}

function problemReporter(
  { onProblem, strict }: Pick<OpenBenchmarkOptions, "onProblem" | "strict">,
  problems: ReportedProblem[],
  kinds: ProblemKinds,
): (problem: RowProblem) => void {
  return (problem) => {
    const { source, sourceIndex, row, where, error } = problem;
    kinds.add(error.message);
    onProblem(problem);
    if (strict) {
      const details = { cause: error, ...(error.field === undefined ? {} : { field: error.field }) };
      throw new StrictStop(error.code, `${source}, ${where}: ${error.message}`, details);
    }
    if (problems.length < MAX_REPORTED_PROBLEMS) problems.push({ source: sourceIndex, row, message: error.message });
  };
}

/** Ends a strict run. Its message is that of the row reported just before. */
export class StrictStop extends InvalidInputError {}
