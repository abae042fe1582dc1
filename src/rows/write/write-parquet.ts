/** Records as a parquet file: their types are those of all their values, and memory holds one row group. */
import { Zstd } from "@hpcc-js/wasm-zstd";
import type { SchemaTree } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { parseExactly } from "../json-value.ts";
import { type ColumnType, merged, typeOf } from "./column-type.ts";
import { type ParquetColumn, parquetColumn } from "./parquet-schema.ts";

/** JSON of each value by name. */
type JsonRecord = ReadonlyMap<string, string>;

/** A row group: enough rows to compress well, few enough to hold with long texts. */
const MAX_GROUP = { rows: 10_000, characters: 16 * 1024 * 1024 };

export interface ParquetOptions {
  /** Columns in their order; called when every record was looked at. */
  readonly names: () => readonly string[];
  /** Columns of these names, and what of their parts has one of them, are float64 though all values are whole numbers. */
  readonly fractions?: ReadonlySet<string>;
  /** What columns were in the file that the records are from, by name. */
  readonly source?: ((name: string) => SchemaTree | undefined) | undefined;
  readonly createdBy: string;
}

export class ParquetFile {
  readonly #types = new Map<string, ColumnType>();
  /** Columns with a text that is no date. */
  readonly #texts = new Set<string>();
  readonly #options: ParquetOptions;

  constructor(options: ParquetOptions) {
    this.#options = options;
  }

  /** Call for every record before the first is written. */
  look(record: JsonRecord): void {
    for (const [name, json] of record) {
      const known = this.#types.get(name);
      if (known?.kind === "json") continue;
      const value = parseExactly(json);
      if (!this.#texts.has(name) && !hasOnlyDates(value)) this.#texts.add(name);
      const type = typeOf(value);
      this.#types.set(name, known === undefined ? type : merged(known, type));
    }
  }

  /** Names of columns with values of types that have no common one but text: they are written as JSON. */
  get mixed(): readonly string[] {
    return [...this.#types].filter(([, { kind }]) => kind === "json").map(([name]) => name);
  }

  async *bytes(records: AsyncIterable<JsonRecord>): AsyncGenerator<Uint8Array> {
    const zstd = await Zstd.load();
    const columns = this.#columns();
    const writer = new ByteWriter();
    const parquet = new ParquetWriter({
      writer,
      schema: [{ name: "schema", num_children: columns.length }, ...columns.flatMap(({ elements }) => elements)],
      codec: "ZSTD",
      // A copy: the next call reuses the memory.
      compressors: { ZSTD: (bytes) => Uint8Array.from(zstd.compress(bytes)) },
      createdBy: this.#options.createdBy,
    });
    const taken = () => {
      const bytes = Uint8Array.from(writer.getBytes());
      writer.index = 0;
      return bytes;
    };
    let values: unknown[][] = columns.map(() => []);
    let [rows, characters] = [0, 0];
    const flush = () => {
      const columnData = columns.map(({ name }, i) => ({ name, data: values[i] as unknown[] }));
      // One group, in one call.
      void parquet.write({ columnData, rowGroupSize: rows });
      values = columns.map(() => []);
      [rows, characters] = [0, 0];
      return taken();
    };
    for await (const record of records) {
      for (const [i, { name, convert }] of columns.entries()) {
        const json = record.get(name) ?? "null";
        (values[i] as unknown[]).push(convert(parseExactly(json)));
        characters += json.length;
      }
      rows += 1;
      if (rows >= MAX_GROUP.rows || characters >= MAX_GROUP.characters) yield flush();
    }
    if (rows > 0) yield flush();
    void parquet.finish();
    yield taken();
  }

  #columns(): readonly ParquetColumn[] {
    const { names, fractions = new Set(), source } = this.#options;
    return names().map((name) => {
      const type = withFractions(name, this.#types.get(name) ?? { kind: "none" }, fractions);
      return parquetColumn(name, type, source?.(name), !this.#texts.has(name));
    });
  }
}

function withFractions(name: string, type: ColumnType, names: ReadonlySet<string>): ColumnType {
  if (type.kind === "list") return { kind: "list", element: withFractions(name, type.element, names) };
  if (type.kind === "struct") {
    const fields = [...type.fields].map(([field, inner]) => [field, withFractions(field, inner, names)] as const);
    return { kind: "struct", fields: new Map(fields) };
  }
  return names.has(name) && (type.kind === "integer" || type.kind === "none") ? { kind: "number" } : type;
}

const DATE = /^[-+]?\d{4,6}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)?$/;

/** Whether all texts are dates as the reader of parquet writes them. */
function hasOnlyDates(value: unknown): boolean {
  if (typeof value === "string") return DATE.test(value);
  return typeof value !== "object" || value === null || Object.values(value).every(hasOnlyDates);
}
