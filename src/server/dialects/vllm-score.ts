/**
 * vLLM's /score: vllm/entrypoints/pooling/scoring/protocol.py at 004706d8. One query with N documents, or N with N, under one of
 * four pairs of names. Its /v1/score is also the path of this server's own interface, whose body has `items` and no queries.
 */
import Type, { type Static } from "typebox";
import type { TextPart } from "../../prompt/messages.ts";
import type { Dialect, DialectContext, DialectRequest, NamedItem } from "../contract.ts";
import {
  activationFields,
  activationIn,
  below,
  isGiven,
  modelName,
  optional,
  pairItem,
  refused,
  scoresOf,
  type TextOrParts,
  text,
} from "./parts.ts";
import { vllmError, vllmUsage } from "./vllm-input.ts";

const one = Type.Union([text, Type.Object({ content: Type.Array(Type.Object({})) })]);
const side = optional(Type.Union([one, Type.Array(one)]));
type One = Static<typeof one>;
type Side = One | readonly One[] | null | undefined;

const body = Type.Object({
  model: modelName,
  text_1: side,
  text_2: side,
  data_1: side,
  data_2: side,
  queries: side,
  documents: side,
  items: side,
  ...activationFields,
});
type Body = Static<typeof body>;

const NAMES = [
  ["text_1", "text_2"],
  ["queries", "documents"],
  ["queries", "items"],
  ["data_1", "data_2"],
] as const;

/** What no item of the own interface has. */
const CLAIMED = ["text_1", "text_2", "queries", "data_1", "data_2"];

export const vllmScore: Dialect = {
  name: "vllm-score",
  paths: below(["", "/vllm"], ["/score", "/v1/score"]),
  overloadStatus: 429,
  body,
  claims: (fields) => CLAIMED.some((name) => isGiven(fields[name])),
  read(fields: Body, context: DialectContext): DialectRequest {
    return {
      items: pairs(fields),
      answer: (results) => ({
        id: `score-${context.requestId}`,
        object: "list",
        created: context.created,
        model: context.model.name,
        data: scoresOf(results, activationIn(fields)).map((score, index) => ({ index, object: "score", score })),
        usage: vllmUsage(results),
      }),
    };
  },
  refuse: vllmError,
};

function pairs(fields: Body): NamedItem[] {
  const names = NAMES.find((pair) => pair.every((name) => isGiven(fields[name])));
  if (names === undefined)
    throw refused(
      'Expected "text_1" and "text_2" in the request\'s body (or "queries" and "documents", "data_1" and "data_2").',
      "text_1",
    );
  const [queries, documents] = [asList(fields[names[0]]), asList(fields[names[1]])];
  const isShared = queries.length === 1 && documents.length !== 1;
  if (!isShared && queries.length !== documents.length)
    throw refused(
      `Expected one text in ${names[0]} or as many as in ${names[1]} (${documents.length}), but it has ${queries.length}.`,
      names[0],
    );
  return documents.map((document, i) => {
    const name = Array.isArray(fields[names[1]]) ? `${names[1]}[${i}]` : names[1];
    return pairItem(contentOf(queries[isShared ? 0 : i] as One), contentOf(document), name);
  });
}

function asList(value: Side): readonly One[] {
  if (value === null || value === undefined) return [];
  return Array.isArray(value) ? (value as readonly One[]) : [value as One];
}

function contentOf(value: One): TextOrParts {
  return typeof value === "string" ? value : (value.content as unknown as readonly TextPart[]);
}
