/**
 * Infinity's /rerank and /classify: libs/infinity_emb/infinity_emb/fastapi_schemas/pymodels.py and infinity_server.py at
 * fcb951cb, infinity_client 0.0.77. A document comes back as a text, not in an object. At the root `raw_scores` is what others do
 * not have: infinity_client writes it, LiteLLM does not and needs the prefix. Genuine Infinity applies a sigmoid where `raw_scores`
 * is absent; here that is raw. infinity_client writes false where nothing was said: its scores are sigmoids unless raw_scores=True.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest, ServedScore } from "../contract.ts";
import {
  activationBy,
  below,
  bestFirst,
  flag,
  isGiven,
  modelName,
  openAiError,
  optional,
  pairItems,
  rawItems,
  scoresOf,
  text,
  texts,
  top,
  usageOf,
} from "./parts.ts";

const rerankBody = Type.Object({
  model: modelName,
  query: text,
  documents: texts,
  top_n: optional(Type.Integer({ minimum: 0, description: "0: all." })),
  return_documents: flag,
  raw_scores: flag,
});

export const infinityRerank: Dialect = {
  name: "infinity-rerank",
  paths: below(["", "/infinity"], ["/rerank", "/v1/rerank"]),
  overloadStatus: 429,
  body: rerankBody,
  claims: ({ documents, raw_scores }) => isGiven(documents) && raw_scores !== undefined,
  read(fields: Static<typeof rerankBody>, context: DialectContext): DialectRequest {
    const { query, documents, top_n, return_documents, raw_scores } = fields;
    return {
      items: pairItems(query, documents, "documents"),
      answer: (results) => ({
        object: "rerank",
        results: top(bestFirst(results, context.model, activationBy(raw_scores === false)), top_n).map(
          ({ index, score }) => ({
            relevance_score: score,
            index,
            ...(return_documents === true ? { document: documents[index] } : {}),
          }),
        ),
        ...common(results, context),
      }),
    };
  },
  refuse: openAiError,
};

const classifyBody = Type.Object({ model: modelName, input: texts, raw_scores: flag });

export const infinityClassify: Dialect = {
  name: "infinity-classify",
  paths: below(["", "/infinity"], ["/classify", "/v1/classify"]),
  overloadStatus: 429,
  body: classifyBody,
  claims: ({ input, raw_scores }) => isGiven(input) && raw_scores !== undefined,
  read({ input, raw_scores }: Static<typeof classifyBody>, context: DialectContext): DialectRequest {
    return {
      items: rawItems(input, "input", context),
      answer: (results) => ({
        object: "classify",
        data: scoresOf(results, activationBy(raw_scores === false)).map((score) => [{ score, label: "LABEL_0" }]),
        ...common(results, context),
      }),
    };
  },
  refuse: openAiError,
};

function common(results: readonly ServedScore[], { model, requestId, created }: DialectContext): object {
  return { model: model.name, usage: usageOf(results), id: `infinity-${requestId}`, created };
}
