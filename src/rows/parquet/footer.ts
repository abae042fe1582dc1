/** A parquet file's metadata, checked against what its bytes can hold. */
import { type ColumnMetaData, type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from "hyparquet";
import { type ByteSource, quote, readAlone, readExactly } from "../../files/byte-source.ts";
import { damaged, guarded } from "../damaged.ts";
import { readThrift, type ThriftStruct } from "./thrift.ts";
import { checkThrift } from "./thrift-check.ts";

/** Length and magic number at the end, magic number at the start. */
const FRAME_BYTES = 12;
const TAIL_BYTES = 8;
const MAGIC = "PAR1";
const ENCRYPTED_MAGIC = "PARE";
/** A file with 100 columns and 1000 row groups has about this much; hyparquet makes fifty times as much of it. */
const MAX_FOOTER_BYTES = 8 * 1024 * 1024;
/** Data sets of texts have dozens of fields. */
const MAX_COLUMNS = 5_000;
/** Lists and structures in each other; each level of a list is three of them. */
const MAX_NESTING = 32;

/** Of a 256-bit decimal, the widest there is. */
const MAX_DECIMAL_BYTES = 32;
/** Its number among the converted types. */
const DECIMAL = 5;
/** Physical types have the numbers from 0 to 7; 6 is this one. */
const BYTE_ARRAY = 6;
const PHYSICAL_TYPES = 8;

export interface Chunk {
  /** Of the first page. */
  readonly start: number;
  /** After the last page. */
  readonly end: number;
  /** Of all data pages, nulls counted. */
  readonly values: number;
  readonly codec: string;
  readonly type: ColumnMetaData["type"];
}

export interface RowGroup {
  readonly rows: number;
  /** By {@link Leaf.name}. */
  readonly chunks: ReadonlyMap<string, Chunk>;
}

/** A column as it is stored. */
export interface Leaf {
  /** Its path, joined with dots, as hyparquet does it. */
  readonly name: string;
  /** From the root to it. */
  readonly path: readonly SchemaTree[];
}

export interface ParquetFooter {
  readonly root: SchemaTree;
  /** By the column of the row that they belong to. */
  readonly leaves: ReadonlyMap<SchemaTree, readonly Leaf[]>;
  readonly groups: readonly RowGroup[];
}

/** @throws FileError ERR_INVALID_DATA */
export async function readFooter(source: ByteSource): Promise<ParquetFooter> {
  const { path, size } = source;
  const bytes = await readTail(source);
  return guarded(path, "is damaged: its metadata cannot be read", () => {
    checkThrift(bytes.subarray(0, bytes.length - TAIL_BYTES));
    checkStatistics(bytes);
    return checkFooter(parquetMetadata(bytes, { geoparquet: false, parsers: NO_PARSERS }), path, size);
  });
}

/** The metadata as it is stored, of a file that readFooter() has passed. */
export async function readFooterBytes(source: ByteSource): Promise<Uint8Array> {
  return (await readTail(source)).subarray(0, -TAIL_BYTES);
}

/** The metadata, its length and the magic number. */
async function readTail(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  const { path, size } = source;
  if (size < FRAME_BYTES) throw damaged(path, "is truncated: it is too short for a parquet file");
  const tail = await readExactly(source, size - TAIL_BYTES, TAIL_BYTES);
  const magic = tail.toString("latin1", 4);
  if (magic === ENCRYPTED_MAGIC) throw damaged(path, "is an encrypted parquet file, which is not supported");
  if (magic !== MAGIC)
    throw damaged(path, "is truncated: a parquet file ends with its metadata, and this one does not");
  const length = tail.readUInt32LE(0);
  if (length > size - FRAME_BYTES)
    throw damaged(path, `is damaged: it claims ${length} bytes of metadata, and has ${size} in all`);
  if (length > MAX_FOOTER_BYTES)
    throw damaged(path, `has ${length} bytes of metadata; the limit is ${MAX_FOOTER_BYTES}: write fewer row groups`);
  return readAlone(source, size - TAIL_BYTES - length, length + TAIL_BYTES);
}

/** Statistics (smallest and largest value) are unused, and may be cut anywhere. */
const nothing = () => undefined as never;
const NO_PARSERS = {
  stringFromBytes: nothing,
  timestampFromMilliseconds: nothing,
  timestampFromMicroseconds: nothing,
  timestampFromNanoseconds: nothing,
  dateFromDays: nothing,
  uuidFromBytes: nothing,
};

/** hyparquet makes a number of every byte of a decimal's smallest value, in a time that grows with their square. */
function checkStatistics(bytes: Uint8Array): void {
  const fields = readThrift(bytes);
  // Columns are told apart by their order, as hyparquet does it: those that are stored have a type.
  const elements = (fields[2] as ThriftStruct[]).filter((element) => isPhysical(element[1]));
  for (const group of fields[4] as ThriftStruct[])
    for (const [i, column] of (group[1] as ThriftStruct[]).entries()) {
      // hyparquet does not decode byte arrays as decimals here, whatever their converted type; they may be long.
      const { 1: type, 6: converted } = elements[i] ?? {};
      if (converted !== DECIMAL || type === BYTE_ARRAY) continue;
      const statistics = (column[3] as ThriftStruct | undefined)?.[12] ?? {};
      for (const value of Object.values(statistics))
        if (value instanceof Uint8Array && value.length > MAX_DECIMAL_BYTES)
          throw new Error(`it names a decimal of ${value.length} bytes`);
    }
}

function isPhysical(type: unknown): boolean {
  return typeof type === "number" && type >= 0 && type < PHYSICAL_TYPES;
}

function checkFooter(metadata: FileMetaData, file: string, size: number): ParquetFooter {
  const { schema, row_groups: groups } = metadata;
  if (schema.length > MAX_COLUMNS) throw damaged(file, `has more than ${MAX_COLUMNS} columns`);
  checkNesting(metadata, file);
  const root = parquetSchema(metadata);
  if (root.count !== schema.length) throw damaged(file, "is damaged: its columns do not form one tree");
  const leaves = new Map(root.children.map((column) => [column, leavesOf(column, [root])]));
  const names = [...leaves.values()].flat().map(({ name }) => name);
  if (new Set(names).size !== names.length) throw damaged(file, "has two columns of the same name");
  for (const leaf of [...leaves.values()].flat()) checkLeaf(leaf, file);
  const checked = groups.map((group, i) => checkGroup(group, names, file, size, i));
  const rows = checked.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== Number(metadata.num_rows))
    throw damaged(file, `is damaged: it claims ${metadata.num_rows} rows, and its parts have ${rows}`);
  return { root, leaves, groups: checked };
}

/** Before a tree is made of the list, which takes the square of its depth. */
function checkNesting({ schema }: FileMetaData, file: string): void {
  const open: number[] = [];
  for (const { num_children: children = 0, name } of schema) {
    if (name === "__proto__") throw damaged(file, 'has a column named "__proto__", which is not supported');
    while (open.at(-1) === 0) open.pop();
    if (open.length > 0) open.push((open.pop() as number) - 1);
    if (children > 0) open.push(children);
    if (open.length > MAX_NESTING) throw damaged(file, `nests columns more than ${MAX_NESTING} deep`);
  }
}

function leavesOf(node: SchemaTree, above: readonly SchemaTree[]): Leaf[] {
  const path = [...above, node];
  if (node.children.length > 0) return node.children.flatMap((child) => leavesOf(child, path));
  return [{ name: node.path.join("."), path }];
}

function checkLeaf({ name, path }: Leaf, file: string): void {
  const isVariant = path.some(({ element }) => element.logical_type?.type === "VARIANT");
  const element = path.at(-1)?.element;
  const converted = element?.converted_type;
  if (isVariant || converted === "BSON" || converted === "INTERVAL")
    throw damaged(file, `has the column ${quote(name)} of type ${converted ?? "VARIANT"}, which is not supported`);
  const isWide = element?.type === "BYTE_ARRAY" || (element?.type_length ?? 0) > MAX_DECIMAL_BYTES;
  if (converted === "DECIMAL" && isWide)
    throw damaged(file, `has the column ${quote(name)} of variable-length decimals, which are not supported`);
  if (element?.type === undefined) throw damaged(file, `is damaged: its column ${quote(name)} has no type`);
}

function checkGroup(
  { columns, num_rows: rows }: FileMetaData["row_groups"][number],
  names: readonly string[],
  file: string,
  size: number,
  index: number,
): RowGroup {
  const where = `its row group ${index + 1}`;
  const chunks = new Map<string, Chunk>();
  for (const { meta_data: data, file_path: elsewhere, crypto_metadata: encrypted } of columns) {
    if (encrypted !== undefined) throw damaged(file, "has encrypted columns, which are not supported");
    if (elsewhere) throw damaged(file, `stores columns in another file, which is not supported: ${quote(elsewhere)}`);
    if (data === undefined) throw damaged(file, `is damaged: ${where} has a column without description`);
    const name = data.path_in_schema.join(".");
    const [first, dictionary] = [count(data.data_page_offset), count(data.dictionary_page_offset ?? 0n)];
    const start = dictionary > 0 && dictionary < first ? dictionary : first;
    const end = start + count(data.total_compressed_size);
    const values = count(data.num_values);
    // Without values there are no pages, and writers differ in where those begin.
    if (values !== 0 && !(start >= MAGIC.length && end <= size && values > 0))
      throw damaged(file, `is truncated or damaged: the column ${quote(name)} of ${where} is outside the file`);
    chunks.set(name, { start, end, values, codec: data.codec, type: data.type });
  }
  const missing = names.find((name) => !chunks.has(name));
  if (missing !== undefined) throw damaged(file, `is damaged: ${where} has no column ${quote(missing)}`);
  if (!(count(rows) >= 0)) throw damaged(file, `is damaged: ${where} claims ${rows} rows`);
  return { rows: count(rows), chunks };
}

/** NaN for what is not a count of bytes, rows or values: every comparison with it fails. */
function count(value: bigint | number | undefined): number {
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : Number.NaN;
}
