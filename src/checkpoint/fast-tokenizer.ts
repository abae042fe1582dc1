/** The contents of a tokenizer.json next to tokenizer.model; comparing them is done elsewhere. */
import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import type { AddedToken, JsonFile } from "./tokenizer-config.ts";

export interface FastTokenizer {
  readonly path: string;
  readonly model: JsonObject;
  /** Ids by token. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Best first. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly addedTokens: readonly AddedToken[];
  /** Where text gets a U+2581; undefined for a rule that tokenizer.model does not have. */
  readonly spacing: Spacing | undefined;
  /** The field that sets it. */
  readonly spacingField: "normalizer" | "pre_tokenizer";
  /** The whole file. */
  readonly file: JsonFile;
}

/** Spaces become U+2581; "prepended": and one is put in front of each stretch of text between added tokens. */
export type Spacing = "prepended" | "kept";

/** @throws FileError ERR_INVALID_CHECKPOINT for a file that is not a byte-pair tokenizer */
export function parseFastTokenizer(file: JsonFile): FastTokenizer {
  const { path, value } = file;
  const model = own(value, "model");
  if (!isJsonObject(model)) throw refuse(path, "has no model; expected a BPE.", { field: "model" });
  const type = own(model, "type") ?? "BPE";
  if (type !== "BPE")
    throw refuse(path, `has a model of the type ${describe(type)}; expected "BPE".`, { field: "model.type" });
  return {
    path,
    model,
    vocab: readVocab(path, model),
    merges: readMerges(path, model),
    addedTokens: readAddedTokens(file),
    spacing: readSpacing(value),
    spacingField: (own(value, "pre_tokenizer") ?? null) === null ? "normalizer" : "pre_tokenizer",
    file,
  };
}

function readVocab(path: string, model: JsonObject): ReadonlyMap<string, number> {
  const field = "model.vocab";
  const vocab = own(model, "vocab");
  if (!isJsonObject(vocab)) throw refuse(path, "has no vocab; expected an object from token to id.", { field });
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0)
      throw refuse(path, `gives the token ${quote(token)} ${describe(id)} as id; expected a number.`, { field });
    ids.set(token, id);
  }
  return ids;
}

/** A merge is "LEFT RIGHT" or, in files since 2024, ["LEFT", "RIGHT"]. */
function readMerges(path: string, model: JsonObject): readonly (readonly [string, string])[] {
  const field = "model.merges";
  const merges = own(model, "merges");
  if (!Array.isArray(merges)) throw refuse(path, `${hasAs(merges, "merges")}; expected a list.`, { field });
  return merges.map((merge: unknown, i) => {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const [left, right] = Array.isArray(pair) && pair.length === 2 ? pair : [];
    if (typeof left !== "string" || typeof right !== "string" || left === "" || right === "")
      throw refuse(path, `has ${quote(String(merge))} as merge ${i}; expected two tokens.`, { field });
    return [left, right] as const;
  });
}

function readAddedTokens({ path, value }: JsonFile): AddedToken[] {
  const field = "added_tokens";
  const list = own(value, field) ?? [];
  if (!Array.isArray(list)) throw refuse(path, `${hasAs(list, field)}; expected a list.`, { field });
  return list.map((token: unknown) => {
    const [id, content] = isJsonObject(token) ? [own(token, "id"), own(token, "content")] : [];
    if (!isJsonObject(token) || typeof content !== "string" || typeof id !== "number")
      throw refuse(path, `has ${describe(token)} in ${field}; expected a token with id and content.`, { field });
    const flag = ["lstrip", "rstrip", "single_word"].find((name) => own(token, name) === true);
    if (flag !== undefined)
      throw refuse(path, `sets ${flag} on the token ${quote(content)}, which is not supported.`, { field });
    return { id, content, special: own(token, "special") === true, normalized: own(token, "normalized") === true };
  });
}

const MARK = "▁";

/** The converter's normaliser with its keys in any order, or an equivalent one. */
function readSpacing(tokenizer: JsonObject): Spacing | undefined {
  const steps = [
    ...parts(own(tokenizer, "normalizer"), "normalizers"),
    ...parts(own(tokenizer, "pre_tokenizer"), "pretokenizers"),
  ]
    .filter((step) => !splitsAtSpaces(step))
    .map(stepOf);
  const known = steps.every((step) => step !== undefined);
  const prepends = steps.filter((step) => step === "prepend").length;
  if (!known || prepends > 1 || !steps.includes("replace")) return undefined;
  return prepends === 1 ? "prepended" : "kept";
}

function parts(step: unknown, list: string): readonly unknown[] {
  if (step === undefined || step === null) return [];
  const inner = isJsonObject(step) && own(step, "type") === "Sequence" ? own(step, list) : undefined;
  return Array.isArray(inner) ? inner : [step];
}

/** Gemma's pre-tokenizer: once spaces are U+2581, there is nothing to split at. */
function splitsAtSpaces(step: unknown): boolean {
  const pattern = isJsonObject(step) ? own(step, "pattern") : undefined;
  const atSpace = isJsonObject(pattern) && own(pattern, "String") === " ";
  return (
    isJsonObject(step) && own(step, "type") === "Split" && atSpace && own(step, "behavior") === "MergedWithPrevious"
  );
}

function stepOf(step: unknown): "prepend" | "replace" | undefined {
  if (!isJsonObject(step)) return undefined;
  const [type, pattern] = [own(step, "type"), own(step, "pattern")];
  if (type === "Prepend" && own(step, "prepend") === MARK) return "prepend";
  const space = isJsonObject(pattern) && (own(pattern, "String") === " " || own(pattern, "Regex") === " ");
  if (type === "Replace" && space && own(step, "content") === MARK) return "replace";
  // Metaspace prepends U+2581 only to a text that does not begin with one. The two agree if no text does.
  const never = own(step, "prepend_scheme") === "never" && own(step, "split") === false;
  return type === "Metaspace" && own(step, "replacement") === MARK && never ? "replace" : undefined;
}
