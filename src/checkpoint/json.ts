import { isUtf8 } from "node:buffer";
import { describe } from "../errors.ts";
import { quote, readExactly } from "../files/byte-source.ts";
import { doubledKey } from "../json-keys.ts";
import { endOfString } from "../json-strings.ts";
import type { CheckpointFolder } from "./folder.ts";
import { refuse } from "./refuse.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** Deepest nesting that is read; the files of a checkpoint have at most five levels. */
const MAX_JSON_DEPTH = 32;
/**
 * Most values: a tensor takes ten in a safetensors header. Two bytes of text can become an object of 56 bytes, so a limit on
 * the text is not enough: it would allow a gigabyte.
 */
const MAX_JSON_VALUES = 1_000_000;
/** A tokenizer.json of 256,000 tokens has 600,000 merges, each a list of two in files since 2024. */
export const MAX_TOKENIZER_JSON_VALUES = 3_000_000;

/**
 * Reads a file that must contain one JSON object.
 *
 * @param maxBytes a larger file is refused before it is read
 * @param maxValues most values in it
 * @returns the object and the bytes that it was read from
 * @throws FileError ERR_FILE_NOT_READABLE or ERR_INVALID_CHECKPOINT
 */
export async function readJsonFile(
  folder: CheckpointFolder,
  name: string,
  maxBytes: number,
  maxValues = MAX_JSON_VALUES,
): Promise<{ value: JsonObject; bytes: Buffer }> {
  const bytes = await readSmallFile(folder, name, maxBytes);
  return { value: parseJsonObject(bytes, folder.pathOf(name), "", maxValues), bytes };
}

/** Reads a whole file of at most `maxBytes`. */
export async function readSmallFile(folder: CheckpointFolder, name: string, maxBytes: number): Promise<Buffer> {
  const file = await folder.open(name);
  try {
    if (file.size > maxBytes) throw refuse(file.path, `has ${file.size} bytes; the limit is ${maxBytes}.`);
    return await readExactly(file, 0, file.size);
  } finally {
    await file.close();
  }
}

/** Parses UTF-8 bytes that must be one JSON object without a key twice; `part` names them in errors. */
export function parseJsonObject(bytes: Buffer, file: string, part = "", maxValues = MAX_JSON_VALUES): JsonObject {
  const of = part === "" ? "" : ` in ${part}`;
  if (!isUtf8(bytes)) throw refuse(file, `does not contain UTF-8${of}.`);
  const text = bytes.toString("utf8");
  checkSize(text, file, of, maxValues);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(file, `does not contain valid JSON${of}.`, { cause });
  }
  if (!isJsonObject(value)) throw refuse(file, `contains ${describe(value)}${of}; expected a JSON object.`);
  // JSON.parse silently keeps the last of two equal keys: two readers could see two different files.
  const key = doubledKey(text, value);
  if (key !== undefined) throw refuse(file, `contains the key ${quote(key)} twice${of}.`, { field: key });
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object's own value: `constructor` and the like are undefined unless the file sets them. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Checks a text, JSON or not, before JSON.parse allocates anything for it. */
function checkSize(text: string, file: string, of: string, maxValues: number): void {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') i = endOfString(text, i);
    else if (character === ",") values += 1;
    else if (character === "]" || character === "}") depth -= 1;
    else if (character === "[" || character === "{") {
      values += 1;
      depth += 1;
      if (depth > MAX_JSON_DEPTH) throw refuse(file, `nests JSON deeper than ${MAX_JSON_DEPTH} levels${of}.`);
    }
    if (values > maxValues) throw refuse(file, `contains more than ${maxValues} values${of}.`);
  }
}
