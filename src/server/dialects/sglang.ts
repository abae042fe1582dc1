/**
 * SGLang's native /classify ({text}) and its /v1/rerank: python/sglang/srt/entrypoints/http_server.py,
 * openai/serving_rerank.py at 15bb7d4e, openai/protocol.py (V1RerankReqInput). The rerank's answer is a bare list, and its body
 * looks like Jina's: it is served below /sglang only.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest, RequestProblem, ServedScore } from "../contract.ts";
import {
  bestFirst,
  flag,
  isGiven,
  modelName,
  optional,
  pairItems,
  rawItems,
  refused,
  refuseTokenIds,
  text,
  texts,
  top,
} from "./parts.ts";

const classifyBody = Type.Object({
  model: modelName,
  text: optional(Type.Union([text, texts])),
  input_ids: Type.Optional(Type.Unknown({ description: "Token ids are refused: send texts." })),
});

export const sglangClassify: Dialect = {
  name: "sglang-classify",
  paths: ["/classify", "/sglang/classify"],
  overloadStatus: 503,
  body: classifyBody,
  claims: (fields) => isGiven(fields["text"]) || isGiven(fields["input_ids"]),
  read({ text: value, input_ids }: Static<typeof classifyBody>, context: DialectContext): DialectRequest {
    refuseTokenIds(input_ids, "input_ids");
    if (!isGiven(value)) throw refused("text is missing: expected a string or an array of strings.", "text");
    const items = rawItems(value as string | readonly string[], "text", context);
    return {
      items,
      answer: (results) => {
        const written = results.map((result) => ({ embedding: [result.score], meta_info: metaInfo(result, context) }));
        return typeof value === "string" ? written[0] : written;
      },
    };
  },
  refuse: sglangError,
};

const rerankBody = Type.Object({
  model: modelName,
  query: text,
  documents: texts,
  top_n: optional(Type.Integer({ minimum: 0 })),
  return_documents: flag,
});

export const sglangRerank: Dialect = {
  name: "sglang-rerank",
  paths: ["/sglang/v1/rerank", "/sglang/rerank"],
  overloadStatus: 429,
  body: rerankBody,
  read(
    { query, documents, top_n, return_documents }: Static<typeof rerankBody>,
    context: DialectContext,
  ): DialectRequest {
    return {
      items: pairItems(query, documents, "documents"),
      answer: (results) =>
        top(bestFirst(results, context.model), top_n).map(({ index, score }) => ({
          score,
          ...(return_documents === false ? {} : { document: documents[index] }),
          index,
          meta_info: metaInfo(results[index] as ServedScore, context),
        })),
    };
  },
  refuse: sglangError,
};

function metaInfo({ tokenCount }: ServedScore, { requestId }: DialectContext): unknown {
  return { id: requestId, prompt_tokens: tokenCount };
}

function sglangError({ status, message, field }: RequestProblem): unknown {
  return {
    object: "error",
    message,
    type: status < 500 ? "BadRequestError" : "ServerError",
    param: field ?? null,
    code: status,
  };
}
