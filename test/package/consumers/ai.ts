// What an application writes with starling-rm/ai.
import { rerank, type RerankingModel as SdkModel } from "ai";
import { loadRewardModel } from "starling-rm";
import { type RerankingModel, rerankingModel } from "starling-rm/ai";

export async function best(query: string, documents: string[]): Promise<string | undefined> {
  const model = await loadRewardModel({ modelPath: "tiny" });
  const ranker: RerankingModel = rerankingModel(model);
  const older: RerankingModel<"v3"> = rerankingModel(model, { specificationVersion: "v3" });
  const models: SdkModel[] = [ranker, older];
  const { rerankedDocuments } = await rerank({ model: models[0] ?? ranker, query, documents, topN: 1 });
  await model.close();
  return rerankedDocuments[0];
}
