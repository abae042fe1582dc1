/**
 * Text Embeddings Inference, /predict and /rerank: router/src/http/{types,server}.rs at 0d124dc9. A flat list of strings is one
 * input: a text, or a pair; a batch is a list of lists. Genuine TEI applies a sigmoid where `raw_scores` is absent. Here that is
 * raw, and false, which a client has to write, is a sigmoid. Pairs are prompt and response.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest, NamedItem, RequestProblem } from "../contract.ts";
import {
  activationBy,
  below,
  bestFirst,
  flag,
  isGiven,
  pairItem,
  pairItems,
  rawItem,
  refused,
  scoresOf,
  text,
  texts,
} from "./parts.ts";

const options = {
  raw_scores: flag,
  truncate: Type.Optional(Type.Unknown({ description: "Ignored: the model's own rule holds." })),
  truncation_direction: Type.Optional(Type.Unknown({ description: "Ignored: the model's own rule holds." })),
};

const predictBody = Type.Object({
  inputs: Type.Union([text, Type.Array(Type.Union([text, texts]))], {
    description: "A text, [text], [prompt, response], or a list of such lists.",
  }),
  ...options,
});

export const teiPredict: Dialect = {
  name: "tei-predict",
  paths: [...below(["", "/tei"], ["/predict"]), "/tei", "/"],
  overloadStatus: 429,
  invalidStatus: 422,
  body: predictBody,
  // At "/" Hugging Face's clients have the same body with `parameters`, and read another answer.
  claims: ({ inputs, parameters }) => parameters === undefined && (typeof inputs === "string" || Array.isArray(inputs)),
  read({ inputs, raw_scores }: Static<typeof predictBody>, context: DialectContext): DialectRequest {
    const isBatch = Array.isArray(inputs) && inputs.every((each) => Array.isArray(each));
    const items = isBatch
      ? inputs.map((each, i) => sequence(each, `inputs[${i}]`, context))
      : [sequence(typeof inputs === "string" ? [inputs] : inputs, "inputs", context)];
    return {
      items,
      answer: (results) => {
        const predictions = scoresOf(results, activationBy(raw_scores === false)).map((score) => [
          { score, label: "LABEL_0" },
        ]);
        return isBatch ? predictions : predictions[0];
      },
    };
  },
  refuse: teiError,
};

function sequence(value: readonly unknown[], name: string, context: DialectContext): NamedItem {
  const [first, second, ...others] = value;
  if (typeof first !== "string" || others.length > 0 || (second !== undefined && typeof second !== "string"))
    throw refused(
      `Expected a text, [text] or [prompt, response] for ${name}; a batch is a list of lists: [["one"], ["two"], ["three"]].`,
      name,
    );
  if (second !== undefined) return pairItem(first, second, name);
  return rawItem(first, name, context);
}

const rerankBody = Type.Object({ query: text, texts, return_text: flag, ...options });

export const teiRerank: Dialect = {
  name: "tei-rerank",
  paths: [...below(["", "/tei"], ["/rerank"]), "/tei", "/"],
  overloadStatus: 429,
  invalidStatus: 422,
  body: rerankBody,
  claims: ({ texts }) => isGiven(texts),
  read({ query, texts, return_text, raw_scores }: Static<typeof rerankBody>, context: DialectContext): DialectRequest {
    return {
      items: pairItems(query, texts, "texts"),
      answer: (results) =>
        bestFirst(results, context.model, activationBy(raw_scores === false)).map(({ index, score }) => ({
          index,
          ...(return_text === true ? { text: texts[index] } : {}),
          score,
        })),
    };
  },
  refuse: teiError,
};

function teiError({ status, message }: RequestProblem): unknown {
  return { error: message, error_type: errorType(status) };
}

/** router/src/lib.rs, ErrorType. */
function errorType(status: number): string {
  if (status === 429) return "overloaded";
  if (status === 503 || status === 504) return "unhealthy";
  return status >= 500 ? "backend" : "validation";
}
