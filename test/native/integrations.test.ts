/** The AI SDK's reranking model and LangChain's document compressor, against the packages themselves. */
import { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { customProvider, rerank, type RerankingModel as SdkModel } from "ai";
import { rerank as rerank6, type RerankingModel as SdkModel6 } from "ai-6";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rerankingModel } from "../../src/entry/ai.ts";
import { RewardCompressor } from "../../src/entry/langchain.ts";
import { loadRewardModel, type RankedResponse, type RewardModel } from "../../src/index.ts";

const query = "Name a fruit.";
const documents = ["I hate you.", "An apple.", "", "A fruit, for example, is an apple."];
let model: RewardModel;
let expected: readonly RankedResponse[];

beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
  expected = await model.rank(query, documents);
});

afterAll(() => model.close());

const ranking = () => expected.map(({ index, score }) => ({ originalIndex: index, score, document: documents[index] }));

describe("with the AI SDK", () => {
  it("is a model of its interfaces, also by its types", async () => {
    const four: SdkModel = rerankingModel(model);
    const three: SdkModel6 = rerankingModel(model, { specificationVersion: "v3" });
    expect([four, three]).toMatchObject([
      { specificationVersion: "v4", provider: "starling-rm", modelId: model.info.name },
      { specificationVersion: "v3", provider: "starling-rm", modelId: model.info.name },
    ]);
  });

  it("ranks answers with the scores of rank(), in the current version and the one before", async () => {
    const found = [
      await rerank({ model: rerankingModel(model), query, documents }),
      await rerank({ model: rerankingModel(model, { specificationVersion: "v3" }), query, documents }),
      await rerank6({ model: rerankingModel(model, { specificationVersion: "v3" }), query, documents }),
    ];
    for (const result of found) {
      expect(result.ranking).toEqual(ranking());
      expect(result.rerankedDocuments).toEqual(expected.map(({ response }) => response));
      expect(result.response.modelId).toBe(model.info.name);
      expect(result.providerMetadata).toEqual({
        "starling-rm": {
          model: model.info.name,
          answers: expected.map(({ index, score, rank, tokenCount, truncated }) => ({
            ...{ index, score, rank, tokenCount, truncated },
          })),
        },
      });
      expect(JSON.parse(JSON.stringify(result.providerMetadata))).toEqual(result.providerMetadata);
    }
  });

  it("is found through a provider", async () => {
    const provider = customProvider({ rerankingModels: { rm: rerankingModel(model) } });
    expect((await rerank({ model: provider.rerankingModel("rm"), query, documents })).ranking).toEqual(ranking());
  });

  it("returns topN, and the scores of all in the metadata", async () => {
    const { ranking: best, providerMetadata } = await rerank({
      model: rerankingModel(model),
      query,
      documents,
      topN: 2,
    });
    expect(best).toEqual(ranking().slice(0, 2));
    expect(providerMetadata?.["starling-rm"]?.["answers"]).toHaveLength(documents.length);
    expect((await rerank({ model: rerankingModel(model), query, documents, topN: 99 })).ranking).toHaveLength(4);
    for (const topN of [0, -1, 1.5])
      await expect(rerank({ model: rerankingModel(model), query, documents, topN })).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
        field: "topN",
      });
  });

  it("takes objects by their text, or as it is told to", async () => {
    for (const name of ["response", "answer", "content", "text"]) {
      const objects = documents.map((text, id) => ({ id, [name]: text }));
      const { ranking: found } = await rerank({ model: rerankingModel(model), query, documents: objects });
      expect(found.map(({ score }) => score)).toEqual(expected.map(({ score }) => score));
      expect(found[0]?.document).toEqual(objects[expected[0]?.index ?? -1]);
    }
    const nested = documents.map((body) => ({ message: { body } }));
    await expect(rerank({ model: rerankingModel(model), query, documents: nested })).rejects.toThrow(
      "documents[0] has no text among its fields response, answer, content, text: say with the option documentText where it is.",
    );
    const documentText = (document: Record<string, unknown>) => (document["message"] as { body: string }).body;
    const told = await rerank({ model: rerankingModel(model, { documentText }), query, documents: nested });
    expect(told.ranking.map(({ score }) => score)).toEqual(expected.map(({ score }) => score));
  });

  it("takes a system turn, and passes warnings on", async () => {
    const ranked = await model.rank({ prompt: query, system: "Be brief." }, documents);
    const providerOptions = { "starling-rm": { system: "Be brief." } };
    const { ranking: found } = await rerank({ model: rerankingModel(model), query, documents, providerOptions });
    expect(found.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score));
    const suspect = ["An apple.<|im_end|>", "An apple."];
    const { warnings } = await rerankingModel(model).doRerank({ query, documents: { type: "text", values: suspect } });
    expect(warnings).toEqual([
      { type: "other", message: expect.stringMatching(/^1 conversation, at documents\[0\], has <\|im_end\|> in/) },
    ]);
    const wrong = { "starling-rm": { sytem: "Be brief." } };
    await expect(rerank({ model: rerankingModel(model), query, documents, providerOptions: wrong })).rejects.toThrow(
      'has no option "sytem". Did you mean "system"?',
    );
  });

  it("is cancelled by the SDK's signal, and not tried again after an error", async () => {
    const many = Array.from({ length: 400 }, (_, i) => `${i} ${"word ".repeat(200)}`);
    const reason = new Error("enough");
    const controller = new AbortController();
    const stopped = rerank({ model: rerankingModel(model), query, documents: many, abortSignal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(stopped).rejects.toBe(reason);
    let calls = 0;
    const plain = rerankingModel(model);
    const doRerank: typeof plain.doRerank = (call) => {
      calls += 1;
      return plain.doRerank(call);
    };
    const broken = rerank({ model: { ...plain, doRerank }, query, documents: ["a", "\ud800"] });
    await expect(broken).rejects.toMatchObject({ code: "ERR_INVALID_UNICODE", field: "documents[1]" });
    expect(calls).toBe(1);
    const closed = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
    const late = rerankingModel(closed);
    await closed.close();
    await expect(rerank({ model: late, query, documents })).rejects.toMatchObject({ code: "ERR_MODEL_CLOSED" });
  });

  it("refuses what is no model, and options that it does not have", () => {
    for (const wrong of [undefined, null, {}, "tiny"])
      expect(() => rerankingModel(wrong as never)).toThrow(/Expected a RewardModel, as loadRewardModel\(\) returns it/);
    expect(() => rerankingModel(model, { specificationVersion: "v2" as never })).toThrow(/one of "v3", "v4"/);
    expect(() => rerankingModel(model, { documentTxt: 1 } as never)).toThrow(/Did you mean "documentText"/);
  });
});

describe("with LangChain", () => {
  const texts = () => documents.map((pageContent, id) => new Document({ pageContent, metadata: { id }, id: `${id}` }));

  it("is a document compressor that sorts copies, best first, with the scores of rank()", async () => {
    const compressor: BaseDocumentCompressor = new RewardCompressor({ model });
    expect(compressor).toBeInstanceOf(BaseDocumentCompressor);
    expect(BaseDocumentCompressor.isBaseDocumentCompressor(compressor)).toBe(true);
    const given = texts();
    const found = await compressor.compressDocuments(given, query);
    expect(found.map(({ pageContent, metadata }) => [pageContent, metadata])).toEqual(
      expected.map(({ response, index, score, rank }) => [response, { id: index, relevanceScore: score, rank }]),
    );
    expect(found.every((document) => document instanceof Document)).toBe(true);
    expect(found.map(({ id }) => id)).toEqual(expected.map(({ index }) => `${index}`));
    expect(given).toEqual(texts());
    expect(await compressor.compressDocuments([], query)).toEqual([]);
  });

  it("works behind a retriever", async () => {
    class Answers extends BaseRetriever {
      lc_namespace = ["test"];
      override async _getRelevantDocuments() {
        return texts();
      }
    }
    const compressor = new RewardCompressor({ model, topN: 1 });
    const retrieved = await new Answers({}).invoke(query);
    expect((await compressor.compressDocuments(retrieved, query)).map(({ pageContent }) => pageContent)).toEqual([
      expected[0]?.response,
    ]);
  });

  it("keeps topN and what reaches minScore, with a system turn and another text", async () => {
    const system = "Be brief.";
    const ranked = await model.rank({ prompt: query, system }, documents);
    const minScore = ranked[1]?.score ?? 0;
    const kept = await new RewardCompressor({ model, minScore, system }).compressDocuments(texts(), query);
    expect(kept.map(({ metadata }) => metadata["id"])).toEqual(ranked.slice(0, 2).map(({ index }) => index));
    const hidden = documents.map((said) => new Document({ pageContent: "see metadata", metadata: { said } }));
    const told = new RewardCompressor({ model, documentText: ({ metadata }) => metadata["said"] as string });
    expect((await told.compressDocuments(hidden, query)).map(({ metadata }) => metadata["said"])).toEqual(
      expected.map(({ response }) => response),
    );
  });

  it("gives errors of ours, and is cancelled by its signal", async () => {
    const broken = [new Document({ pageContent: "a" }), new Document({ pageContent: "\ud800" })];
    await expect(new RewardCompressor({ model }).compressDocuments(broken, query)).rejects.toMatchObject({
      code: "ERR_INVALID_UNICODE",
      field: "documents[1]",
    });
    const reason = new Error("enough");
    const stopped = new RewardCompressor({ model, signal: AbortSignal.abort(reason) });
    await expect(stopped.compressDocuments(texts(), query)).rejects.toBe(reason);
    expect(() => new RewardCompressor({} as never)).toThrow("The option model of RewardCompressor is missing.");
    expect(() => new RewardCompressor({ model: {} as never })).toThrow(/Expected a RewardModel/);
    for (const topN of [0, 1.5]) expect(() => new RewardCompressor({ model, topN })).toThrow(/topN/);
    await expect(new RewardCompressor({ model }).compressDocuments("a" as never, query)).rejects.toThrow(/an array/);
  });
});
