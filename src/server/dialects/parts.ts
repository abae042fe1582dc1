/** What several wire formats share: types of fields, pairs of texts, activations, usage. */
import Type, { type Static, type TSchema } from "typebox";
import { InvalidInputError } from "../../errors.ts";
import { given } from "../../options.ts";
import type { MessageInput, TextPart } from "../../prompt/messages.ts";
import { bestFirstBy } from "../../scoring/ranks.ts";
import type { DialectContext, NamedItem, RequestProblem, ServedModel, ServedScore } from "../contract.ts";

/** A field that may be left out, or null: what clients send for options that are not set. */
export function optional<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

/** Null is absent. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export const text = Type.String();
export const texts = Type.Array(Type.String());
export const flag = optional(Type.Boolean());
/** For OpenAPI: of any value, and ignored. */
export const modelName = Type.Optional(Type.Unknown({ description: "Ignored: one model is served." }));

/** The same paths below prefixes: "/vllm" + "/classify". */
export function below(prefixes: readonly string[], paths: readonly string[]): string[] {
  return prefixes.flatMap((prefix) => paths.map((path) => `${prefix}${path}`));
}

/** A rendered text. */
export function rawItem(value: string, name: string, { rawText }: DialectContext): NamedItem {
  return { item: rawText(value, name), name };
}

/** Rendered texts, each an item of its own: "input", or "input[3]" in a list. */
export function rawItems(value: string | readonly string[], name: string, context: DialectContext): NamedItem[] {
  if (typeof value === "string") return [rawItem(value, name, context)];
  return value.map((each, i) => rawItem(each, `${name}[${i}]`, context));
}

/** A text, or its parts as chat interfaces write them. */
export type TextOrParts = string | readonly TextPart[];

/** A query and an answer to it, as a prompt and its response. */
export function pairItem(
  prompt: TextOrParts | readonly MessageInput[],
  response: TextOrParts,
  name: string,
): NamedItem {
  return { item: { prompt, response }, name };
}

/** One query and its documents, as responses to it: "documents[0]", "documents[1]" … */
export function pairItems(query: TextOrParts, documents: readonly TextOrParts[], name: string): NamedItem[] {
  return documents.map((document, i) => pairItem(query, document, `${name}[${i}]`));
}

/** Of reward models with one label: what servers apply where a client asks for an activation. */
function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

/** Scores of results, raw unless an activation was asked for by name. */
export function scoresOf(results: readonly ServedScore[], activation?: "sigmoid" | undefined): number[] {
  return results.map(({ score }) => (activation === undefined ? score : sigmoid(score)));
}

/** vLLM's flag, and its name before 0.11.2. */
export const activationFields = { use_activation: flag, activation: flag };

/** @param body of a dialect with {@link activationFields} */
export function activationIn(body: Partial<Record<keyof typeof activationFields, boolean | null | undefined>>) {
  return activationBy(body.use_activation ?? body.activation);
}

/** @param isAsked the client's flag; null and undefined are raw */
export function activationBy(isAsked: boolean | null | undefined): "sigmoid" | undefined {
  return isAsked === true ? "sigmoid" : undefined;
}

export interface Ranked {
  readonly index: number;
  readonly score: number;
}

/**
 * Indexes with their scores, best first: the lowest, where lower is better. Equal scores keep their order, and an activation cannot change it: it rounds different
 * scores to equal ones.
 */
export function bestFirst(
  results: readonly ServedScore[],
  { info: { direction } }: ServedModel,
  activation?: "sigmoid" | undefined,
): Ranked[] {
  const scores = scoresOf(results, activation);
  const order = bestFirstBy(direction);
  return results
    .map((result, index) => ({ index, raw: result.score }))
    .sort((a, b) => order(a.raw, b.raw) || a.index - b.index)
    .map(({ index }) => ({ index, score: scores[index] as number }));
}

/** @param count absent, null or 0: all */
export function top<T>(ranked: readonly T[], count: number | null | undefined): readonly T[] {
  return count ? ranked.slice(0, count) : ranked;
}

/** Tokens of all items, after truncation. */
export function tokensOf(results: readonly ServedScore[]): number {
  return results.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}

/** OpenAI's `usage`. */
export function usageOf(results: readonly ServedScore[]) {
  const tokens = tokensOf(results);
  return { prompt_tokens: tokens, total_tokens: tokens };
}

export const encodingFormat = optional(Type.Union([Type.Literal("float"), Type.Literal("base64")]));

/** A score as a vector of one dimension, as OpenAI's interface writes vectors: in base64 it is a little-endian float32. */
export function vectorOf(score: number, encoding: Static<typeof encodingFormat> | undefined): string | number[] {
  if (encoding !== "base64") return [score];
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(score);
  return bytes.toString("base64");
}

/** Token ids have no text here: another tokenizer may have made them. */
export function refuseTokenIds(value: unknown, name: string): void {
  if (!Array.isArray(value) || !value.some((each) => typeof each === "number" || Array.isArray(each))) return;
  throw refused(
    `${name} holds token ids, which are not accepted: send texts (in LangChain's OpenAIEmbeddings ` +
      "check_embedding_ctx_length=False).",
    name,
  );
}

export function refused(message: string, field: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field });
}

/** An error for clients that read nothing of it. */
export function plainError({ code, message, field }: RequestProblem): unknown {
  return { error: message, code, ...given({ field }) };
}

/** An error as OpenAI writes it, with its names for the kinds. */
export function openAiError({ status, code, message, field }: RequestProblem): unknown {
  return { error: { message, type: errorType(status), param: field ?? null, code } };
}

function errorType(status: number): string {
  if (status === 401 || status === 403) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
