/** LangChain.js' document compressor, over a reward model. The only file that loads @langchain/core. */
import type { DocumentInterface } from "@langchain/core/documents";
import { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { invalidArgument } from "../errors.ts";
import { aFunction, anInteger, aSignal, aText, type Check, checkOptions, given, readable } from "../options.ts";
import type { RewardModel } from "../scoring/reward-model.ts";

/** Options of {@link RewardCompressor}. */
export interface RewardCompressorOptions {
  /** A loaded model, which the caller closes. */
  readonly model: RewardModel;
  /** Keep only so many, the best ones; 1 or more. Default: all. */
  readonly topN?: number;
  /** Keep only responses with at least this raw score. Default: all. */
  readonly minScore?: number;
  /** A system turn before the query. Default: none. */
  readonly system?: string;
  /** What a document says. Default: its pageContent. */
  readonly documentText?: (document: DocumentInterface) => string;
  /** Aborts every call: the promises reject with the signal's reason. Default: none. */
  readonly signal?: AbortSignal;
}

const aNumber: Check = (value) => (Number.isFinite(value) ? undefined : "a number");

/**
 * Sorts documents by the reward of each as a response to the query, best first: for a ContextualCompressionRetriever, or by
 * itself. Documents are copied; `metadata.relevanceScore` is the raw reward, `metadata.rank` its rank.
 */
export class RewardCompressor extends BaseDocumentCompressor {
  readonly #options: RewardCompressorOptions;

  /** @throws InvalidInputError for a wrong option */
  constructor(options: RewardCompressorOptions) {
    super();
    this.#options = checkOptions(
      "RewardCompressor",
      options,
      {
        model: (value) =>
          readable("model", () => typeof (value as RewardModel).rank === "function")
            ? undefined
            : "a RewardModel, as loadRewardModel() returns it",
        topN: anInteger(1, Number.MAX_SAFE_INTEGER),
        minScore: aNumber,
        system: aText,
        documentText: aFunction,
        signal: aSignal,
      },
      ["model"],
    );
  }

  /**
   * @param documents responses to the query
   * @param query what the user said
   * @returns copies of the documents that are kept, best first
   * @throws InvalidInputError for a document or a query that cannot be scored; ModelClosedError; the signal's reason
   */
  async compressDocuments(documents: DocumentInterface[], query: string): Promise<DocumentInterface[]> {
    const { model, topN, minScore, system, documentText = ({ pageContent }) => pageContent, signal } = this.#options;
    if (!Array.isArray(documents)) throw invalidArgument("documents", "an array of documents", documents);
    if (documents.length === 0) return [];
    if (minScore !== undefined && model.info?.direction === "lower")
      throw invalidArgument("minScore", "no minScore: lower scores of this model are better", minScore);
    const ranked = await model.rank({ prompt: query, ...given({ system }) }, documents.map(documentText), {
      ...given({ signal }),
      nameItem: (index) => `documents[${index}]`,
    });
    return ranked
      .filter(({ score }) => minScore === undefined || score >= minScore)
      .slice(0, topN)
      .map(({ index, score, rank }) =>
        withMetadata(documents[index] as DocumentInterface, { relevanceScore: score, rank }),
      );
  }
}

/** A copy of the same class, whichever that is. */
function withMetadata(document: DocumentInterface, metadata: Record<string, unknown>): DocumentInterface {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(document) as object | null), document);
  return Object.assign(copy as DocumentInterface, { metadata: { ...document.metadata, ...metadata } });
}
