/** Reads a benchmark's sources into cases. Skipped rows are counted by reason, invalid ones reported. */
import { isStarlingError, type StarlingError } from "../errors.ts";
import { firstNotices } from "../inputs/notices.ts";
import { FieldMap, type FieldMapping, type MappedFields } from "../prompt/field-map.ts";
import { type Fields, isObject } from "../prompt/input-fields.ts";
import { explained } from "../prompt/row-advice.ts";
import { strictError, WarningCounter } from "../prompt/warnings.ts";
import { READ_COLUMNS } from "../rows/columns.ts";
import { damaged } from "../rows/damaged.ts";
import type { InputFormat } from "../rows/format.ts";
import { openRows, type RowFile } from "../rows/open-rows.ts";
import type { Adapter, AdaptOptions } from "./adapters/adapter.ts";
import type { PlacedCase } from "./case.ts";
import { GroupReader } from "./groups.ts";
import type { RowCounts } from "./report.ts";
import { type FactFields, RowFacts } from "./row-facts.ts";
import type { ResolvedSource } from "./sources.ts";

/** A row that is invalid, or a case that could not be scored. */
export interface RowProblem {
  /** Name of the source. */
  readonly source: string;
  /** Index of the source. */
  readonly sourceIndex: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** Position for messages, such as "line 12". */
  readonly where: string;
  /** What is wrong with it. */
  readonly error: StarlingError;
}

/** Options for reading rows. */
export type RowRules = Pick<AdaptOptions, "ignoreFields" | "differentPrompts">;

export interface ReadCasesOptions extends RowRules {
  /** Accept cases without any known order; otherwise such rows are invalid. */
  readonly unordered: boolean;
  readonly onProblem: (problem: RowProblem) => void;
  /** Treat warnings as errors. Default: false, they are counted in {@link CaseReader.warnings}. */
  readonly strict?: boolean;
  /** Names of the fields in the rows. */
  readonly fields?: FieldMapping;
  /** Fields by which accuracy is broken down: see GroupReader. Default: none. */
  readonly by?: readonly string[];
  /** Fields that name models and paraphrases: see RowFacts. */
  readonly facts?: FactFields;
  /** Default: recognised. */
  readonly format?: InputFormat;
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Complete after all cases were read. */
interface Counts extends Pick<RowCounts, "omitted"> {
  read: number;
  readonly omitted: Record<string, number>;
  broken: number;
  cases: number;
}

interface ReadBenchmark {
  readonly name?: string;
  readonly adapt: Adapter;
}

export class CaseReader {
  readonly #benchmark: ReadBenchmark;
  readonly #sources: readonly ResolvedSource[];
  readonly #options: ReadCasesOptions;
  readonly #fieldMap: FieldMap;
  readonly #tell: (notice: string) => void;
  /** Of the rows read so far. */
  readonly groups: GroupReader;
  /** Of the rows read so far. */
  readonly facts: RowFacts;
  /** Warnings about the rows read so far. */
  readonly warnings = new WarningCounter();
  readonly counts: Counts = { read: 0, omitted: {}, broken: 0, cases: 0 };

  constructor(benchmark: ReadBenchmark, sources: readonly ResolvedSource[], options: ReadCasesOptions) {
    this.#benchmark = benchmark;
    this.#sources = sources;
    this.#options = options;
    this.groups = new GroupReader(options.by ?? []);
    this.facts = new RowFacts(options.facts);
    this.#tell = firstNotices(options.onNotice);
    const { fields = {}, ignoreFields } = options;
    // A benchmark's rows have the names that its data set gave them.
    const isPairs = benchmark.name === "pairs";
    this.#fieldMap = new FieldMap(fields, [...READ_COLUMNS], { ignoreFields, aliases: isPairs, pairs: isPairs });
  }

  /** The cases of all sources in order; can be iterated once. @throws FileError for an unreadable source */
  async *cases(): AsyncGenerator<PlacedCase, void, undefined> {
    for (const [source, { name, path }] of this.#sources.entries()) {
      const { format } = this.#options;
      const rows = await openRows(path, { name, format, onNotice: this.#tell });
      try {
        yield* this.#casesOf(rows, source, name);
      } finally {
        await rows.close();
      }
    }
  }

  async *#casesOf({ rows }: RowFile, source: number, name: string): AsyncGenerator<PlacedCase, void, undefined> {
    const { onProblem, signal, strict = false } = this.#options;
    const before = this.counts.read;
    for await (const { row, where, isCsv = false, isTable, ...read } of rows) {
      signal?.throwIfAborted();
      this.counts.read += 1;
      if (isTable && row === 1 && "value" in read) this.#checkColumns(read.value, name);
      let mapped: MappedFields | undefined;
      try {
        if ("error" in read) throw read.error;
        if (isObject(read.value)) mapped = this.#mapped(read.value);
        const adapting = { ...this.#options, isCsv, sourceName: name };
        const adapted = this.#benchmark.adapt(mapped?.fields ?? read.value, adapting);
        if ("omitted" in adapted) {
          this.counts.omitted[adapted.omitted] = (this.counts.omitted[adapted.omitted] ?? 0) + 1;
          continue;
        }
        const { warnings = [] } = adapted;
        const [warning] = warnings;
        if (strict && warning !== undefined) throw strictError(warning, "The row");
        this.warnings.add(warnings, `${name}, ${where}`);
        this.counts.cases += 1;
        const placed = this.facts.of(read.value, { ...adapted.case, source, row, where });
        const groups = this.groups.groupsOf(read.value, placed);
        yield groups === undefined ? placed : { ...placed, groups };
      } catch (error) {
        if (!isStarlingError(error)) throw error;
        this.counts.broken += 1;
        const { fields = {}, from = new Map() } = mapped ?? {};
        onProblem({ source: name, sourceIndex: source, row, where, error: explained(error, fields, from) });
      }
    }
    if (this.counts.read === before) throw damaged(name, "has no rows");
  }

  #mapped(value: Fields): MappedFields {
    const mapped = this.#fieldMap.read(value);
    if (mapped.notice !== undefined) this.#tell(mapped.notice);
    return mapped;
  }

  #checkColumns(value: unknown, name: string): void {
    const problem = isObject(value) ? this.#fieldMap.tableProblem(Object.keys(value), "") : undefined;
    if (problem !== undefined) throw damaged(name, problem);
  }
}
