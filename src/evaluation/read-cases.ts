/** Reads a benchmark's sources into cases. Skipped rows are counted by reason, invalid ones reported. */
import { isStarlingError, type StarlingError } from "../errors.ts";
import { firstNotices } from "../inputs/notices.ts";
import { FieldMap, type FieldMapping, type MappedFields } from "../prompt/field-map.ts";
import { type Fields, isObject } from "../prompt/input-fields.ts";
import { explained } from "../prompt/row-advice.ts";
import { strictError, WarningCounter } from "../prompt/warnings.ts";
import { CASE_FIELDS, READ_COLUMNS } from "../rows/columns.ts";
import { damaged } from "../rows/damaged.ts";
import type { InputFormat } from "../rows/format.ts";
import { exactValue } from "../rows/json-value.ts";
import { openRows, type RowFile } from "../rows/open-rows.ts";
import type { Adapted, Adapter, AdaptOptions } from "./adapters/adapter.ts";
import { adaptItems, isPreference } from "./adapters/items.ts";
import type { GatheredRow, Layout } from "./adapters/layout.ts";
import { pairsLayout } from "./adapters/layouts.ts";
import type { PlacedCase, PromptCase } from "./case.ts";
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
  /** Of "pairs": rows may also be what `score` reads, a single response without an order. Default: false. */
  readonly single?: boolean;
  readonly onProblem: (problem: RowProblem) => void;
  /** Treat warnings as errors. Default: false, they are counted in {@link CaseReader.warnings}. */
  readonly strict?: boolean;
  /** Names of the fields in the rows. */
  readonly fields?: FieldMapping;
  /** How the rows of each source are laid out. Default: as the benchmark's. */
  readonly layouts?: readonly Layout[];
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

type ReadLayout = Pick<Layout, "adapt" | "gather">;

interface RowFields extends MappedFields {
  /** It is read as `score` does. */
  readonly isItem?: boolean;
}

export class CaseReader {
  readonly #benchmark: ReadBenchmark;
  readonly #sources: readonly ResolvedSource[];
  readonly #options: ReadCasesOptions;
  readonly #tell: (notice: string) => void;
  readonly #groups: GroupReader;
  readonly #facts: RowFacts;
  /** Warnings about the rows read so far. */
  readonly warnings = new WarningCounter();
  readonly counts: Counts = { read: 0, omitted: {}, broken: 0, cases: 0 };

  constructor(benchmark: ReadBenchmark, sources: readonly ResolvedSource[], options: ReadCasesOptions) {
    this.#benchmark = benchmark;
    this.#sources = sources;
    this.#options = options;
    this.#groups = new GroupReader(options.by ?? []);
    this.#facts = new RowFacts(options.facts);
    this.#tell = firstNotices(options.onNotice);
    // Wrong names of fields are found before any file is opened.
    this.#fieldMap(this.#layoutOf(0));
  }

  /**
   * To be called when all cases were read.
   *
   * @throws InvalidInputError for a field of `by` or `facts` that no row has, or one of `by` that has only lists and objects
   */
  checkFields(): void {
    this.#groups.check();
    this.#facts.check();
  }

  #layoutOf(source: number): ReadLayout {
    const { name, adapt } = this.#benchmark;
    const { layouts } = this.#options;
    return layouts?.[source] ?? (name === pairsLayout.name ? pairsLayout : { adapt });
  }

  /** A data set's rows have the names that it gave them. */
  #fieldMap(layout: ReadLayout): FieldMap {
    const { fields = {}, ignoreFields } = this.#options;
    const isPairs = layout === pairsLayout;
    return new FieldMap(fields, CASE_FIELDS, { ignoreFields, aliases: isPairs, pairs: isPairs });
  }

  /** For rows with one response. */
  #itemMap(): FieldMap {
    const { fields = {}, ignoreFields } = this.#options;
    return new FieldMap(fields, [...READ_COLUMNS], { ignoreFields });
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
    const { signal } = this.#options;
    const before = this.counts.read;
    const layout = this.#layoutOf(source);
    const fieldMap = this.#fieldMap(layout);
    const itemMap = this.#options.single === true && layout === pairsLayout ? this.#itemMap() : undefined;
    const { adapt, gather } = layout;
    const gatherer = gather?.();
    let isAnyCsv = false;
    for await (const { row, where, isCsv = false, isTable, ...read } of rows) {
      signal?.throwIfAborted();
      this.counts.read += 1;
      isAnyCsv ||= isCsv;
      if (isTable && row === 1 && "value" in read) checkColumns(fieldMap, read.value, name);
      let mapped: RowFields | undefined;
      const value = "value" in read ? exactValue(read.value, read.json) : undefined;
      const place = { row, where, value };
      try {
        if ("error" in read) throw read.error;
        if (isObject(value)) mapped = this.#mapped(fieldMap, value, itemMap);
        const fields = mapped?.fields ?? value;
        const options = { ...this.#options, isCsv, sourceName: name };
        if (adapt === undefined) gatherer?.add(fields, options, place);
        else {
          const adapted = mapped?.isItem ? adaptItems(fields, options, mapped.from) : adapt(fields, options);
          yield* this.#placed(adapted, place, source);
        }
      } catch (error) {
        this.#broken(error, place, source, mapped);
      }
    }
    for (const { adapted, ...place } of gatherer?.cases({ ...this.#options, isCsv: isAnyCsv }) ?? []) {
      signal?.throwIfAborted();
      try {
        yield* this.#placed(adapted, place, source);
      } catch (error) {
        this.#broken(error, place, source);
      }
    }
    if (this.counts.read === before) throw damaged(name, "has no rows");
  }

  /** @throws InvalidInputError for warnings, if `strict` */
  *#placed(adapted: Adapted, { row, where, value }: GatheredRow, source: number): Generator<PlacedCase> {
    if ("omitted" in adapted) {
      this.counts.omitted[adapted.omitted] = (this.counts.omitted[adapted.omitted] ?? 0) + 1;
      return;
    }
    const { warnings = [] } = "case" in adapted ? adapted : {};
    const [warning] = warnings;
    if (this.#options.strict === true && warning !== undefined) throw strictError(warning, "The row");
    this.warnings.add(warnings, `${this.#sources[source]?.name}, ${where}`);
    const cases: readonly PromptCase[] = "case" in adapted ? [adapted.case] : adapted.cases;
    for (const one of cases) {
      const placed = this.#facts.of(value, { ...one, source, row, where });
      const groups = this.#groups.groupsOf(value, placed);
      this.counts.cases += 1;
      yield groups === undefined ? placed : { ...placed, groups };
    }
  }

  /** Reports a row's problem; any other error is thrown again. */
  #broken(error: unknown, { row, where }: GatheredRow, source: number, mapped?: MappedFields): void {
    if (!isStarlingError(error)) throw error;
    this.counts.broken += 1;
    const { fields = {}, from = new Map() } = mapped ?? {};
    const name = this.#sources[source]?.name ?? "";
    const explanation = explained(error, fields, from);
    this.#options.onProblem({ source: name, sourceIndex: source, row, where, error: explanation });
  }

  /** @param itemMap of rows that have no preference */
  #mapped(fieldMap: FieldMap, value: Fields, itemMap: FieldMap | undefined): RowFields {
    const preference = fieldMap.read(value);
    const isItem = itemMap !== undefined && !isPreference(preference.fields);
    const mapped = isItem ? { ...itemMap.read(value), isItem } : preference;
    if (mapped.notice !== undefined) this.#tell(mapped.notice);
    return mapped;
  }
}

function checkColumns(fieldMap: FieldMap, value: unknown, name: string): void {
  const problem = isObject(value) ? fieldMap.tableProblem(Object.keys(value), "") : undefined;
  if (problem !== undefined) throw damaged(name, problem);
}
