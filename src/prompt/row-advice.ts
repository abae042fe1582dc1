/** What to do about a row whose texts are somewhere else than expected: in a field of a field, in a list, by columns. */
import { InvalidInputError, type StarlingError } from "../errors.ts";
import { shellWord } from "../files/shell-word.ts";
import { isCommonName, isNameOf, type NamedField } from "./common-names.ts";
import { type Fields, isObject, plainName } from "./input-fields.ts";
import { contentOf, isMessage, roleOf } from "./messages.ts";
import { quotedNames } from "./texts.ts";

/** Names that hold the text of an object, the likeliest first. */
const TEXT_NAMES = ["text", "content", "value", "prompt", "question", "response", "answer", "output"];
/** Objects in objects that are searched for rows. */
const MAX_DEPTH = 3;
/** Elements of a list that are looked at. */
const MAX_ELEMENTS = 20;

const PANDAS = 'pandas writes rows with to_json(FILE, orient="records", lines=True)';
/** One row of each position in the columns. */
const TRANSPOSE = "jq -c 'to_entries | map(.key as $name | .value | map({($name): .})) | transpose[] | add' FILE";
/** A list of messages is read as a list of rows. */
const ONE_MESSAGE =
  "It is a message, and a row is a whole conversation: `jq -c '{messages: .}' FILE` makes rows of lists of messages.";

/** A sentence about a row that has none of the fields to score; undefined: its names say all there is. */
export function rowAdvice(row: Fields): string | undefined {
  if (isByIndex(row)) return `It is a table by columns: ${PANDAS}.`;
  if (isByColumn(row)) return `It is a table by columns: \`${TRANSPOSE}\` writes its rows.`;
  if (roleOf(row) !== undefined && typeof contentOf(row) === "string") return ONE_MESSAGE;
  return rowsInside(row) ?? fieldsInside(row) ?? pairInside(row);
}

/** pandas' "columns", its default: {"prompt": {"0": "…", "1": "…"}}; and its "split": {"columns": […], "data": [[…], …]}. */
function isByIndex(row: Fields): boolean {
  const values = Object.values(row);
  if (Array.isArray(row["columns"]) && Array.isArray(row["data"]) && row["data"].every(Array.isArray)) return true;
  return values.length > 0 && values.every(isNumbered);
}

function isNumbered(value: unknown): boolean {
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  return names.length > 0 && names.slice(0, MAX_ELEMENTS).every((name) => /^\d+$/.test(name));
}

/** {"prompt": ["…", "…"], "response": ["…", "…"]} */
function isByColumn(row: Fields): boolean {
  const [first, ...others] = Object.values(row);
  if (!Array.isArray(first) || first.length === 0 || others.length === 0) return false;
  return [first, ...others].every((list) => Array.isArray(list) && list.length === first.length && !isObject(list[0]));
}

/** {"data": [{…}, {…}]}, also deeper, and with each row in an object of its own, as the hub's viewer answers. */
function rowsInside(row: Fields): string | undefined {
  const found = listOfRows(row, []);
  if (found === undefined) return undefined;
  const shown = JSON.stringify(found.path.join("."));
  const inner = found.rows.every((one) => isObject(one["row"])) ? ".row" : "";
  const filter = `.${found.path.map(jqName).join(".")}[]${inner}`;
  return `Its rows are inside ${shown}: write them out first (jq -c '${filter}' FILE > ROWS.jsonl).`;
}

interface ListOfRows {
  readonly path: readonly string[];
  readonly rows: readonly Fields[];
}

function listOfRows(fields: Fields, path: readonly string[]): ListOfRows | undefined {
  if (path.length >= MAX_DEPTH) return undefined;
  const entries = Object.entries(fields).filter(([name]) => !name.includes("'"));
  for (const [name, value] of entries) {
    if (!Array.isArray(value) || value.length === 0) continue;
    const rows: unknown[] = value.slice(0, MAX_ELEMENTS);
    if (rows.every((one) => isObject(one) && !isMessage(one)) && areRows(rows as Fields[]))
      return { path: [...path, name], rows: rows as Fields[] };
  }
  for (const [name, value] of entries) {
    const found = isObject(value) ? listOfRows(value, [...path, name]) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lists of other things, sources or tools, have other names. */
function areRows(rows: readonly Fields[]): boolean {
  return rows.some((row) => isObject(row["row"]) || Object.keys(row).some(isKnown));
}

function isKnown(name: string): boolean {
  return isCommonName(name) || ["chosen", "rejected"].includes(plainName(name));
}

function jqName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

/** {"row": {"prompt": …, "response": …}} */
function fieldsInside(row: Fields): string | undefined {
  for (const [outer, value] of Object.entries(row)) {
    if (!isObject(value) || outer.includes(".")) continue;
    const nameOf = (target: NamedField) =>
      Object.keys(value).find((name) => !name.includes(".") && isNameOf(target, name));
    const [prompt, response, responses] = [nameOf("prompt"), nameOf("response"), nameOf("responses")];
    const whole = nameOf("messages") ?? nameOf("text");
    const answer = response ?? responses;
    const fields: readonly (readonly [NamedField, string])[] =
      prompt !== undefined && answer !== undefined
        ? [
            ["prompt", prompt],
            [response === undefined ? "responses" : "response", answer],
          ]
        : whole !== undefined
          ? [[nameOf("messages") === undefined ? "text" : "messages", whole]]
          : [];
    if (fields.length === 0) continue;
    const options = fields.map(([target, name]) => fieldOption(target, `${outer}.${name}`)).join(" ");
    return `They are inside ${JSON.stringify(outer)}: ${options} reads them.`;
  }
  return undefined;
}

/** {"row": {"prompt": …, "chosen": …, "rejected": …}} */
function pairInside(row: Fields): string | undefined {
  const found = Object.entries(row).find(([, value]) => isObject(value) && "chosen" in value && "rejected" in value);
  if (found === undefined || found[0].includes("'")) return undefined;
  return `Its row is inside ${JSON.stringify(found[0])}: write the rows out first (jq -c '.${jqName(found[0])}' FILE > ROWS.jsonl).`;
}

function fieldOption(target: string, path: string): string {
  return `--field ${shellWord(`${target}=${path}`)}`;
}

/**
 * An error about a field, which names it as we do, for a person, who looks for it in the row: with the row's name of it, and, where
 * another type was expected, with what would read it.
 *
 * @param fields the row by our names
 * @param from the row's names of them, where they differ
 */
export function explained(
  error: StarlingError,
  fields: Fields,
  from: ReadonlyMap<string, readonly string[]>,
): StarlingError {
  const [target = ""] = (error.field ?? "").replace(/^row\./, "").split(/[.[]/);
  const names = from.get(target);
  const isOther = names !== undefined && (names.length !== 1 || names[0] !== target);
  const path = names === undefined ? target : names.length === 1 ? (names[0] as string) : undefined;
  const advice =
    path === undefined || error.code !== "ERR_INVALID_ITEM" ? undefined : insideAdvice(target, path, fields);
  if (!isOther && advice === undefined) return error;
  const message = isOther
    ? `${error.message.replace(/\.$/, "")} (${target} is read from ${quotedNames(names)}).`
    : error.message;
  return new InvalidInputError(error.code, advice === undefined ? message : `${message} ${advice}`, {
    field: error.field ?? target,
    cause: error,
  });
}

/** A sentence about a value of another type than its field should have. */
function insideAdvice(target: string, path: string, fields: Fields): string | undefined {
  const value = fields[target];
  const shown = JSON.stringify(path);
  if (value instanceof Uint8Array) return `${shown} is a binary column: write its texts as a string column, in UTF-8.`;
  const isText = ["text", "prompt", "response", "system", "chosen", "rejected"].includes(target);
  if (isText || target === "messages") {
    if (isByIndex({ [target]: value })) return rowAdvice({ [target]: value });
    if (isObject(value)) {
      const name = nameInside(value, target);
      return name === undefined
        ? undefined
        : `${fieldOption(target, `${path}.${name}`)} reads ${JSON.stringify(name)}.`;
    }
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  if (value.every((one) => typeof one === "string")) {
    if (target === "response") return `${fieldOption("responses", path)} scores each of its texts.`;
    return target === "prompt" && isByColumn(fields) ? rowAdvice(fields) : undefined;
  }
  const [first]: unknown[] = value;
  const name = target === "responses" && isObject(first) && !path.includes("'") ? nameInside(first, "text") : undefined;
  if (name === undefined) return undefined;
  const list = `.${path.split(".").map(jqName).join(".")}`;
  return `\`jq -c '${list} |= map(.${jqName(name)})' FILE\` writes lists of the texts.`;
}

/** The field of an object that could be meant. */
function nameInside(value: Fields, target: string): string | undefined {
  const names = Object.keys(value).filter((name) => !name.includes("."));
  const isConversation = (name: string) => Array.isArray(value[name]) && (value[name] as unknown[]).some(isMessage);
  if (target === "messages") return names.find(isConversation);
  const texts = names.filter((name) => typeof value[name] === "string");
  const known = TEXT_NAMES.map((wanted) => texts.find((name) => plainName(name) === wanted));
  return (
    known.find((name) => name !== undefined) ??
    texts[0] ??
    (target === "prompt" ? names.find(isConversation) : undefined)
  );
}
