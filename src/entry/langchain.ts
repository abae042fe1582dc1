/**
 * `starling-rm/langchain`: a document compressor for LangChain.js (`@langchain/core` 1). A reward model ranks *answers*: the query
 * is what the user said, the documents are responses to it. It does not know which passage of a text belongs to a question; for
 * retrieval use a reranker that was trained for it.
 *
 * @module langchain
 */

export { RewardCompressor, type RewardCompressorOptions } from "../integrations/langchain.ts";
