/**
 * `starling-rm/ai`: a reranking model for the Vercel AI SDK (`ai` 7, and 6 with an option). A reward model ranks *answers*: the
 * query is what the user said, the documents are responses to it. It does not know which passage of a text belongs to a
 * question; for retrieval use a reranker that was trained for it.
 *
 * @module ai
 */

export {
  type RerankedAnswer,
  type RerankingCall,
  type RerankingModel,
  type RerankingModelOptions,
  type RerankingResult,
  rerankingModel,
} from "../integrations/ai.ts";
