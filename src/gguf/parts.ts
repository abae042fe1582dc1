/** The parts of a split GGUF as one: each is checked, and that they belong together. */
import { FileError } from "../errors.ts";
import { type ByteSource, openFile, quote } from "../files/byte-source.ts";
import { JoinedSource, type SourcePart } from "../files/joined-source.ts";
import { allPartNames, parsePartName, partName } from "../files/part-names.ts";
import { codeOf } from "../files/system-errors.ts";
import { Fields } from "./fields.ts";
import type { GgufHeader, TensorInfo } from "./header.ts";
import { readHeader } from "./read-header.ts";
import { STARLING_KEYS } from "./starling-keys.ts";

const NUMBER = "split.no";
const COUNT = "split.count";
const TENSORS = "split.tensors.count";
const MAX_TENSORS = 2 ** 31 - 1;

/**
 * Opens the other parts of a split GGUF. A file whose name or header is not a part's stays alone.
 *
 * @param first is closed if this throws
 * @param open another file beside it, by its path
 * @returns all parts in order, the first included
 * @throws FileError for a part that is missing or is not the first
 */
export async function openParts<S extends ByteSource>(
  first: S,
  open: (path: string) => Promise<S>,
): Promise<readonly S[]> {
  const opened = [first];
  try {
    const name = parsePartName(first.path);
    if (name === undefined) return opened;
    const count = countOf(new Fields(await readHeader(first), first.path));
    if (count === 1) return opened;
    if (name.number !== 1)
      throw refuse(
        first.path,
        `is part ${name.number} of ${name.count} of a split GGUF: name the first one, ${partName(name.prefix, 1, name.count)}.`,
      );
    if (count !== name.count)
      throw refuse(first.path, `has a name of ${name.count} parts; its ${COUNT} is ${count}.`, COUNT);
    for (const path of allPartNames(name).slice(1)) opened.push(await openNext(path, open, first.path));
    return opened;
  } catch (error) {
    for (const source of opened) await source.close();
    throw error;
  }
}

async function openNext<S>(path: string, open: (path: string) => Promise<S>, first: string): Promise<S> {
  try {
    return await open(path);
  } catch (error) {
    if (codeOf((error as FileError).cause) !== "ENOENT") throw error;
    const message = `The file ${path} is missing: ${first} is a split GGUF, and all of its parts must be beside it.`;
    throw new FileError("ERR_FILE_NOT_READABLE", message, { file: path, cause: error });
  }
}

/** A local GGUF for reading, with all of its parts. */
export async function openGguf(path: string): Promise<ByteSource> {
  const [first, ...others] = await openParts(await openFile(path), openFile);
  return others.length === 0 ? (first as ByteSource) : new JoinedSource([first as ByteSource, ...others]);
}

/** The header of a whole GGUF, or of all parts of a split one: then positions are those of the parts one after another. */
export async function readAllParts(file: ByteSource): Promise<GgufHeader> {
  const { parts } = file as Partial<JoinedSource>;
  if (parts === undefined || parts.length === 1) return readHeader(file);
  const headers: GgufHeader[] = [];
  for (const { source } of parts) headers.push(await readHeader(source));
  return join(parts, headers);
}

function join(parts: readonly SourcePart[], headers: readonly GgufHeader[]): GgufHeader {
  const [first] = headers as [GgufHeader];
  const total = tensorCountOf(fieldsOf(parts, headers, 0));
  const tensors: TensorInfo[] = [];
  const places = new Map<string, string>();
  for (const [i, header] of headers.entries()) {
    const fields = fieldsOf(parts, headers, i);
    checkPart(fields, i, parts.length, total, first, header);
    const start = parts[i]?.start ?? 0;
    for (const tensor of header.tensors) {
      const other = places.get(tensor.name);
      if (other !== undefined)
        throw fields.refuseTensor(tensor.name, `contains the tensor ${quote(tensor.name)}, which is also in ${other}.`);
      places.set(tensor.name, fields.file);
      tensors.push({ ...tensor, position: tensor.position + start });
    }
  }
  if (tensors.length !== total)
    throw refuse(
      fieldsOf(parts, headers, 0).file,
      `announces ${total} tensors in its parts, which have ${tensors.length}: some belong to another model.`,
      TENSORS,
    );
  const metadata = new Map(
    [...first.metadata].filter(([key]) => !key.startsWith("split.") && key !== STARLING_KEYS.splitSet),
  );
  const last = parts.at(-1) as SourcePart;
  return {
    ...first,
    metadata,
    tensors,
    fileSize: last.start + last.source.size,
    parts: parts.map(({ source, start }) => ({ path: source.path, start, size: source.size })),
  };
}

function fieldsOf(parts: readonly SourcePart[], headers: readonly GgufHeader[], index: number): Fields {
  return new Fields(headers[index] as GgufHeader, parts[index]?.source.path ?? "");
}

function checkPart(
  fields: Fields,
  index: number,
  count: number,
  total: number,
  first: GgufHeader,
  own: GgufHeader,
): void {
  const number = u16(fields, NUMBER);
  if (number !== index)
    throw fields.refuse(`is part ${number + 1} by its ${NUMBER}; its name says part ${index + 1}.`, NUMBER);
  if (countOf(fields) !== count)
    throw fields.refuse(`is of a set of ${countOf(fields)} parts, and the first one of ${count}.`, COUNT);
  if (tensorCountOf(fields) !== total)
    throw fields.refuse(`is of a model of ${tensorCountOf(fields)} tensors, and the first part of ${total}.`, TENSORS);
  if (own.alignment !== first.alignment)
    throw fields.refuse(`has another alignment than the first part, ${own.alignment}.`, "general.alignment");
  for (const key of ["general.architecture", "general.name", "general.file_type", STARLING_KEYS.splitSet]) {
    const [before, after] = [first.metadata.get(key)?.value, own.metadata.get(key)?.value];
    // llama-gguf-split repeats nothing; what is repeated must agree.
    if (after !== undefined && before !== after)
      throw fields.refuse(`belongs to another model than the first part: its ${key} differs.`, key);
  }
}

/** 1 for a whole file. */
function countOf(fields: Fields): number {
  return fields.has(COUNT) ? u16(fields, COUNT) : 1;
}

/** The only type that llama.cpp takes there. */
function u16(fields: Fields, key: string): number {
  if (fields.has(key)) fields.assertType(key, "u16");
  return fields.u32OrU16(key);
}

function tensorCountOf(fields: Fields): number {
  return fields.i32(TENSORS, 0, MAX_TENSORS);
}

function refuse(file: string, sentence: string, field?: string): FileError {
  const where = field === undefined ? {} : { field };
  return new FileError("ERR_INVALID_GGUF", `The file ${file} ${sentence}`, { file, ...where });
}
