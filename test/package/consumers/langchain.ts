// What an application writes with starling-rm/langchain.
import type { DocumentInterface } from "@langchain/core/documents";
import type { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { loadRewardModel } from "starling-rm";
import { RewardCompressor } from "starling-rm/langchain";

export async function sorted(documents: DocumentInterface[], query: string): Promise<DocumentInterface[]> {
  const model = await loadRewardModel({ modelPath: "tiny" });
  const compressor: BaseDocumentCompressor = new RewardCompressor({ model, topN: 3 });
  const kept = await compressor.compressDocuments(documents, query);
  await model.close();
  return kept;
}
