/**
 * OpenAI's embeddings: openai (npm) 6.49, resources/embeddings; also how verl reads a score from SGLang
 * (data[-1].embedding[-1]). A score is an embedding of one dimension. openai's clients ask for base64 unless told otherwise.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest } from "../contract.ts";
import { below, encodingFormat, flag, openAiError, optional, refused, usageOf, vectorOf } from "./parts.ts";
import { inputFields, inputItems } from "./vllm-input.ts";

const body = Type.Object({
  ...inputFields,
  encoding_format: encodingFormat,
  dimensions: optional(Type.Integer({ minimum: 0, maximum: 1, description: "1; 0 is as good as absent." })),
  modality: optional(Type.Literal("text")),
  use_activation: flag,
  normalize: flag,
});

export const openaiEmbeddings: Dialect = {
  name: "openai-embeddings",
  paths: below(["", "/vllm", "/sglang", "/tei", "/infinity"], ["/v1/embeddings", "/embeddings"]),
  // verl retries 5xx only, OpenAI's clients both.
  overloadStatus: 503,
  body,
  read(fields: Static<typeof body>, context: DialectContext): DialectRequest {
    for (const name of ["use_activation", "normalize"] as const)
      if (fields[name] === true)
        throw refused(`${name} is not supported here: a vector of one dimension would become 1 or -1.`, name);
    return {
      items: inputItems(fields, context),
      answer: (results) => ({
        id: `embd-${context.requestId}`,
        object: "list",
        created: context.created,
        data: results.map(({ score }, index) => ({
          ...{ object: "embedding", index, embedding: vectorOf(score, fields.encoding_format) },
        })),
        model: context.model.name,
        usage: usageOf(results),
      }),
    };
  },
  refuse: openAiError,
};
