/**
 * The Vercel AI SDK's reranking model, over a reward model. Its interface (RerankingModelV4 and V3 of @ai-sdk/provider) is
 * repeated as types of our own: nothing of the SDK is needed to load or type-check this file; a test compares the two.
 */
import { InvalidInputError, invalidArgument } from "../errors.ts";
import { aBoolean, aFunction, aNameList, anInteger, aText, checkOptions, given, oneOf, readable } from "../options.ts";
import { WarningCounter } from "../prompt/warnings.ts";
import type { RewardModel } from "../scoring/reward-model.ts";

/** Options of {@link rerankingModel}. */
export interface RerankingModelOptions<Version extends "v3" | "v4" = "v4"> {
  /** The provider interface to implement: "v4" for `ai` 7, "v3" for `ai` 6. Default: "v4". */
  readonly specificationVersion?: Version;
  /** What an object document says. Default: the first text among its fields response, answer, content and text. */
  readonly documentText?: (document: Readonly<Record<string, unknown>>) => string;
}

/** What the SDK asks for. */
export interface RerankingCall {
  /** The responses to compare: texts, or objects with a text in them. */
  readonly documents:
    | {
        /** They are texts. */
        readonly type: "text";
        /** The texts. */
        readonly values: readonly string[];
      }
    | {
        /** They are objects. */
        readonly type: "object";
        /** The objects. */
        readonly values: readonly Readonly<Record<string, unknown>>[];
      };
  /** What the user said. */
  readonly query: string;
  /** Return only so many, the best ones; 1 or more. Default: all. */
  readonly topN?: number | undefined;
  /** Aborts the call: the promise rejects with the signal's reason. */
  readonly abortSignal?: AbortSignal | undefined;
  /** Under "starling-rm": `system` (a system turn before the query), `strict` and `ignoreFields` as in ScoreOptions. */
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** Not used: nothing is sent anywhere. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
}

/** One entry of the provider metadata: a document as it was scored. A type, because the SDK wants JSON. */
export type RerankedAnswer = {
  /** Its index in the documents. */
  index: number;
  /** The raw reward: no unit, no bounds. */
  score: number;
  /** 1 for the best; equal scores share the better rank. */
  rank: number;
  /** Tokens after truncation. */
  tokenCount: number;
  /** Whether tokens were cut off on the left. */
  truncated: boolean;
};

/** What the SDK gets. */
export interface RerankingResult {
  /** Best first, at most topN. */
  ranking: {
    /** Its index in the documents. */
    index: number;
    /** The raw reward, not a number from 0 to 1. */
    relevanceScore: number;
  }[];
  /** More about the scores. */
  providerMetadata: {
    /** This package's part. */
    "starling-rm": {
      /** The model's name. */
      model: string;
      /** Every document, also those beyond topN, best first. */
      answers: RerankedAnswer[];
    };
  };
  /** What is legal in a document but usually a mistake. */
  warnings: {
    /** Of the SDK's kinds of warnings. */
    type: "other";
    /** A sentence. */
    message: string;
  }[];
  /** About the model. */
  response: {
    /** The model's name. */
    modelId: string;
  };
}

/** A reranking model of the SDK: `rerank({ model, query, documents })` takes it. */
export interface RerankingModel<Version extends "v3" | "v4" = "v4"> {
  /** The provider interface. */
  readonly specificationVersion: Version;
  /** "starling-rm". */
  readonly provider: string;
  /** The model's name. */
  readonly modelId: string;
  /** Called by the SDK. */
  readonly doRerank: (call: RerankingCall) => Promise<RerankingResult>;
}

const PROVIDER = "starling-rm";
/** Fields of an object document that may be the response, in the order of preference. */
const TEXT_FIELDS = ["response", "answer", "content", "text"];

const providerChecks = { system: aText, strict: aBoolean, ignoreFields: aNameList };
const isTopN = anInteger(1, Number.MAX_SAFE_INTEGER);

/**
 * A reranking model for the AI SDK: `rerank({ model: rerankingModel(model), query, documents })` ranks the documents as
 * responses to the query. Scores are those of {@link RewardModel.rank}, and the query is computed once.
 *
 * @param model a loaded model, which the caller closes
 * @throws InvalidInputError for a wrong option
 */
export function rerankingModel<Version extends "v3" | "v4" = "v4">(
  model: RewardModel,
  options: RerankingModelOptions<Version> = {},
): RerankingModel<Version> {
  options = checkOptions("rerankingModel", options, {
    specificationVersion: oneOf(["v3", "v4"]),
    documentText: aFunction,
  });
  if (readable("model", () => typeof model?.rank !== "function" || typeof model.info?.name !== "string"))
    throw invalidArgument("model", "a RewardModel, as loadRewardModel() returns it", model);
  const modelId = model.info.name;
  const { specificationVersion = "v4", documentText = textOf } = options;
  // A plain object with closures: the SDK may wrap it in a proxy.
  return {
    specificationVersion: specificationVersion as Version,
    provider: PROVIDER,
    modelId,
    async doRerank({ documents, query, topN, abortSignal, providerOptions }) {
      const refused = topN === undefined ? undefined : isTopN(topN);
      if (refused !== undefined) throw invalidArgument("topN", refused, topN);
      const { system, ...own } = checkOptions<{ system?: string; strict?: boolean; ignoreFields?: readonly string[] }>(
        `providerOptions["${PROVIDER}"]`,
        providerOptions?.[PROVIDER],
        providerChecks,
      );
      const responses =
        documents.type === "text"
          ? documents.values
          : documents.values.map((document, i) => textIn(document, `documents[${i}]`, documentText));
      const ranked = await model.rank({ prompt: query, ...given({ system }) }, responses, {
        ...own,
        ...given({ signal: abortSignal }),
        nameItem: (index) => `documents[${index}]`,
      });
      const warnings = new WarningCounter();
      for (const { index, warnings: found = [] } of ranked) warnings.add(found, `documents[${index}]`);
      return {
        ranking: ranked.slice(0, topN).map(({ index, score }) => ({ index, relevanceScore: score })),
        providerMetadata: {
          [PROVIDER]: {
            model: modelId,
            answers: ranked.map(({ index, score, rank, tokenCount, truncated }) => ({
              ...{ index, score, rank, tokenCount, truncated },
            })),
          },
        },
        warnings: warnings.sentences().map((message) => ({ type: "other" as const, message })),
        response: { modelId },
      };
    },
  };
}

type TextOf = NonNullable<RerankingModelOptions["documentText"]>;

function textIn(document: Readonly<Record<string, unknown>>, where: string, documentText: TextOf): string {
  const text: unknown = documentText(document);
  if (typeof text === "string") return text;
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `${where} has no text among its fields ${TEXT_FIELDS.join(", ")}: say with the option documentText where it is.`,
    { field: where },
  );
}

function textOf(document: Readonly<Record<string, unknown>>): string {
  return TEXT_FIELDS.map((name) => document[name]).find((value) => typeof value === "string") as string;
}
