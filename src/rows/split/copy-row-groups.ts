/** Row groups of a parquet file as files of their own: pages are copied as they are, and the metadata is written anew. */
import { type ByteSource, readExactly } from "../../files/byte-source.ts";
import { readFooterBytes } from "../parquet/footer.ts";
import { I64, LIST, STRUCT } from "../parquet/thrift-check.ts";
import type { PartTarget } from "./cut-text.ts";
import {
  elementsOf,
  fieldsOf,
  integer,
  integerOf,
  listOfStructs,
  structOf,
  type ThriftField,
} from "./thrift-fields.ts";

const MAGIC = Buffer.from("PAR1");
const COPY_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;

/** Fields of parquet.thrift. */
const FILE = { rows: 3, groups: 4 };
const GROUP = { columns: 1, rows: 3, offset: 5, ordinal: 7 };
const COLUMN = { offset: 2, metadata: 3 };
/** Of a column: where its indexes are, which are not copied. */
const COLUMN_INDEXES = [4, 5, 6, 7];
const CHUNK = { values: 5, compressed: 7, data: 9, dictionary: 11 };
/** Where an index page and a Bloom filter are. */
const CHUNK_INDEXES = [10, 14, 15];

export class RowGroups {
  readonly #source: ByteSource;
  readonly #file: readonly ThriftField[];
  readonly #groups: readonly Uint8Array[];

  private constructor(source: ByteSource, file: readonly ThriftField[], groups: readonly Uint8Array[]) {
    this.#source = source;
    this.#file = file;
    this.#groups = groups;
  }

  /** @param source a file whose metadata readFooter() has checked */
  static async open(source: ByteSource): Promise<RowGroups> {
    const file = fieldsOf(await readFooterBytes(source));
    const groups = file.find(({ id }) => id === FILE.groups)?.value;
    return new RowGroups(source, file, groups === undefined ? [] : elementsOf(groups));
  }

  /** Writes the groups from `first` up to `end` as a file. */
  async copy(first: number, end: number, target: PartTarget, signal?: AbortSignal): Promise<void> {
    await target.begin();
    await target.write(MAGIC);
    let position = MAGIC.length;
    let rows = 0;
    const groups: Uint8Array[] = [];
    for (const [ordinal, group] of this.#groups.slice(first, end).entries()) {
      const fields = fieldsOf(group);
      const columns: Uint8Array[] = [];
      const start = position;
      for (const column of elementsOf(fieldValue(fields, GROUP.columns))) {
        signal?.throwIfAborted();
        const moved = await this.#copyChunk(column, position, target);
        columns.push(moved.column);
        position += moved.bytes;
      }
      rows += integerOf(fieldValue(fields, GROUP.rows));
      groups.push(
        structOf(
          fields.map((field) => {
            if (field.id === GROUP.columns) return { ...field, value: listOfStructs(columns) };
            if (field.id === GROUP.offset) return { ...field, value: integer(start) };
            return field.id === GROUP.ordinal ? { ...field, value: integer(ordinal) } : field;
          }),
        ),
      );
    }
    const others = this.#file.filter(({ id }) => id !== FILE.rows && id !== FILE.groups);
    const footer = structOf([
      ...others,
      { id: FILE.rows, type: I64, value: integer(rows) },
      { id: FILE.groups, type: LIST, value: listOfStructs(groups) },
    ]);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(footer.length);
    await target.write(Buffer.concat([footer, length, MAGIC]));
    await target.end(rows);
  }

  async #copyChunk(
    column: Uint8Array,
    position: number,
    target: PartTarget,
  ): Promise<{ column: Uint8Array; bytes: number }> {
    const fields = fieldsOf(column);
    const chunk = fieldsOf(fieldValue(fields, COLUMN.metadata));
    const number = (id: number) => {
      const field = chunk.find((each) => each.id === id);
      return field === undefined ? 0 : integerOf(field.value);
    };
    const [data, dictionary] = [number(CHUNK.data), number(CHUNK.dictionary)];
    const start = dictionary > 0 && dictionary < data ? dictionary : data;
    // Without values there are no pages, and writers differ in where those begin.
    const bytes = number(CHUNK.values) === 0 ? 0 : number(CHUNK.compressed);
    for (let at = start; at < start + bytes; at += COPY_BYTES)
      await target.write(await readExactly(this.#source, at, Math.min(COPY_BYTES, start + bytes - at)));
    const metadata = structOf(
      chunk
        .filter(({ id }) => !CHUNK_INDEXES.includes(id) && (id !== CHUNK.dictionary || start === dictionary))
        .map((field) => {
          if (field.id === CHUNK.data) return { ...field, value: integer(position + data - start) };
          return field.id === CHUNK.dictionary ? { ...field, value: integer(position) } : field;
        }),
    );
    const moved = structOf(
      fields
        .filter(({ id }) => !COLUMN_INDEXES.includes(id))
        .map((field) => {
          if (field.id === COLUMN.offset) return { ...field, value: integer(position) };
          return field.id === COLUMN.metadata ? { id: field.id, type: STRUCT, value: metadata } : field;
        }),
    );
    return { column: moved, bytes };
  }
}

/** A field that readFooter() has found. */
function fieldValue(fields: readonly ThriftField[], id: number): Uint8Array {
  return (fields.find((field) => field.id === id) as ThriftField).value;
}
