/**
 * Rerankers that answer {results}: Cohere v1 and v2 (cohere 5.21, cohere-ai 8.1), Jina (api.jina.ai/v1/rerank), vLLM
 * (vllm/entrypoints/pooling/scoring/protocol.py at 004706d8), and what calls them: LiteLLM 1.83, LangChain, LlamaIndex, the AI
 * SDK. llama.cpp's server has the same at /reranking, too. One answer has the fields of all of them. The query is the prompt, a
 * document is a response to it.
 */
import Type, { type Static } from "typebox";
import { given } from "../../options.ts";
import type { TextPart } from "../../prompt/messages.ts";
import type { Dialect, DialectContext, DialectRequest, RequestProblem, ServedScore } from "../contract.ts";
import {
  activationFields,
  activationIn,
  below,
  bestFirst,
  flag,
  modelName,
  optional,
  pairItems,
  refused,
  type TextOrParts,
  text,
  texts,
  tokensOf,
  top,
  usageOf,
} from "./parts.ts";

const content = Type.Object({ content: Type.Array(Type.Object({})) });
const document = Type.Union([text, Type.Object({})], {
  description: 'A text, or an object with it in "text" (or in the one field that rank_fields names).',
});

const body = Type.Object({
  model: modelName,
  query: Type.Union([text, content, Type.Object({ text })]),
  documents: Type.Array(document),
  top_n: optional(Type.Integer({ minimum: 0, description: "0: all." })),
  return_documents: flag,
  rank_fields: optional(texts),
  ...activationFields,
});
type Body = Static<typeof body>;

interface Style {
  readonly name: string;
  readonly paths: readonly string[];
  /** Whether documents are in the answer where the request does not say. */
  readonly returnsDocuments: boolean;
  /** Cohere's `meta.api_version`. */
  readonly version: string;
}

function rerank({ name, paths, returnsDocuments, version }: Style): Dialect {
  return {
    name,
    paths,
    overloadStatus: 429,
    body,
    read(fields: Body, context: DialectContext): DialectRequest {
      const documents = fields.documents.map((each, i) => documentText(each, `documents[${i}]`, fields.rank_fields));
      const query = typeof fields.query === "string" ? fields.query : textOf(fields.query);
      const isReturned = fields.return_documents ?? returnsDocuments;
      return {
        items: pairItems(query, documents, "documents"),
        answer: (results) => ({
          id: context.requestId,
          object: "list",
          model: context.model.name,
          results: top(bestFirst(results, context.model, activationIn(fields)), fields.top_n).map(
            ({ index, score }) => ({
              index,
              relevance_score: score,
              ...(isReturned ? { document: asDocument(fields.documents[index], documents[index] as TextOrParts) } : {}),
            }),
          ),
          ...usage(results, version),
        }),
      };
    },
    refuse: rerankError,
  };
}

export const cohereV1 = rerank({
  name: "cohere-v1",
  paths: [
    "/v1/rerank",
    "/rerank",
    "/reranking",
    "/v1/reranking",
    ...below(["/cohere", "/jina"], ["/v1/rerank", "/rerank"]),
  ],
  returnsDocuments: false,
  version: "1",
});

export const cohereV2 = rerank({
  name: "cohere-v2",
  paths: below(["", "/cohere"], ["/v2/rerank"]),
  returnsDocuments: false,
  version: "2",
});

export const vllmRerank = rerank({
  name: "vllm-rerank",
  paths: below(["/vllm"], ["/rerank", "/v1/rerank", "/v2/rerank"]),
  returnsDocuments: true,
  version: "1",
});

type DocumentInput = Readonly<Record<string, unknown>>;

function documentText(
  value: string | object,
  name: string,
  rankFields: readonly string[] | null | undefined,
): TextOrParts {
  if (typeof value === "string") return value;
  if (rankFields && rankFields.length > 1)
    throw refused(
      `Expected one name in rank_fields but received ${rankFields.length}: a document is one text, and it is not ` +
        "known how to join several fields.",
      "rank_fields",
    );
  const field = rankFields?.[0] ?? ("content" in value && !("text" in value) ? "content" : "text");
  const found = (value as DocumentInput)[field];
  if (typeof found === "string") return found;
  if (field === "content" && Array.isArray(found)) return found as readonly TextPart[];
  throw refused(`${name} has no text in its field ${JSON.stringify(field)}.`, `${name}.${field}`);
}

function textOf(query: Static<typeof content> | { readonly text: string }): TextOrParts {
  return "text" in query ? query.text : (query.content as unknown as readonly TextPart[]);
}

/** An object comes back as it was; a text in an object. */
function asDocument(given: string | object | undefined, found: TextOrParts): unknown {
  return typeof given === "object" ? given : { text: found };
}

function usage(results: readonly ServedScore[], version: string): object {
  const tokens = tokensOf(results);
  return {
    usage: usageOf(results),
    meta: {
      api_version: { version },
      billed_units: { search_units: 1, total_tokens: tokens },
      tokens: { input_tokens: tokens, output_tokens: 0 },
    },
  };
}

/** `message` for Cohere's clients, `detail` for Jina's. */
function rerankError({ code, message, field }: RequestProblem): unknown {
  return { message, detail: message, code, ...given({ param: field }) };
}
