/** The genuine npm clients of other servers, against this one with the tiny model: right scores in the right order. */
import { createCohere } from "@ai-sdk/cohere";
import { InferenceClient } from "@huggingface/inference";
import { CohereRerank } from "@langchain/cohere";
import { Document } from "@langchain/core/documents";
import { rerank } from "ai-6";
import { CohereClient, CohereClientV2, CohereError } from "cohere-ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type RewardServer } from "../../src/entry/server.ts";
import { loadRewardModel, type RankedResponse, type RewardModel } from "../../src/index.ts";

const query = "Name a fruit.";
const documents = ["I hate you.", "An apple.", "", "A fruit, for example, is an apple.", "Früchte: 🍎, 🍐."];
const REQUESTS = 512;

let model: RewardModel;
let server: RewardServer;
let url: string;
let expected: readonly RankedResponse[];
/** 512 responses, and what the library says of them. */
const responses = Array.from({ length: REQUESTS }, (_, i) => `${i} apples${".".repeat(i % 7)}`);
const scores = new Array<number>(REQUESTS);

beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
  expected = await model.rank(query, documents);
  for (const { index, score } of await model.rank(query, responses)) scores[index] = score;
  server = createServer(model);
  url = await server.listen({ port: 0 });
}, 120_000);

afterAll(async () => {
  await server?.close();
  await model?.close();
});

const ranking = (count?: number) =>
  expected.slice(0, count).map(({ index, score }) => ({ index, relevanceScore: score }));
const textOf = (response: string) =>
  `<|im_start|>user\n${query}<|im_end|>\n<|im_start|>assistant\n${response}<|im_end|>`;
const scoreOf = async (text: string) => (await model.score([{ text }]))[0]?.score as number;

describe("cohere-ai", () => {
  const options = () => ({ token: "none", environment: url, baseUrl: url });

  it("ranks by version 1 and version 2", async () => {
    const first = await new CohereClient(options()).rerank({ model: "rm", query, documents });
    expect(first.results.map(({ index, relevanceScore }) => ({ index, relevanceScore }))).toEqual(ranking());
    expect(first.meta?.apiVersion?.version).toBe("1");
    const second = await new CohereClientV2(options()).rerank({ model: "rm", query, documents, topN: 2 });
    expect(second.results.map(({ index, relevanceScore }) => ({ index, relevanceScore }))).toEqual(ranking(2));
    expect(second.meta?.apiVersion?.version).toBe("2");
  });

  it("returns documents to version 1, which asks for them", async () => {
    const request = { model: "rm", query, documents, returnDocuments: true };
    const { results } = await new CohereClient(options()).rerank(request);
    expect(results.map(({ document }) => document?.text)).toEqual(expected.map(({ response }) => response));
  });

  it("throws the server's sentence", async () => {
    const request = new CohereClient(options()).rerank({ model: "rm", query, documents: [{ title: "x" } as never] });
    await expect(request).rejects.toThrow(CohereError);
    await expect(request).rejects.toMatchObject({
      statusCode: 400,
      body: { message: expect.stringContaining("documents[0] has no text") },
    });
  });

  it("gets the right scores in 512 requests at once", async () => {
    const client = new CohereClientV2(options());
    const answers = await Promise.all(
      responses.map((response) => client.rerank({ model: "rm", query, documents: [response] })),
    );
    expect(answers.map(({ results }) => results[0]?.relevanceScore)).toEqual(scores);
  });
});

describe("openai", () => {
  const client = () => new OpenAI({ apiKey: "none", baseURL: `${url}/v1` });

  it("reads scores as embeddings, from base64 and from numbers", async () => {
    const input = documents.map(textOf);
    const scores = await Promise.all(input.map(scoreOf));
    const base64 = await client().embeddings.create({ model: "rm", input });
    expect(base64.data.map(({ embedding }) => Array.from(embedding))).toEqual(scores.map((score) => [score]));
    const plain = await client().embeddings.create({ model: "rm", input, encoding_format: "float" });
    expect(plain.data.map(({ embedding }) => embedding)).toEqual(scores.map((score) => [score]));
    const tokenized = await model.tokenizer.tokenize(input.map((text) => ({ text })));
    const tokens = tokenized.reduce((sum, { ids }) => sum + ids.length, 0);
    expect(plain.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
  });

  it("throws the server's sentence", async () => {
    const request = client().embeddings.create({ model: "rm", input: [1, 2, 3] });
    await expect(request).rejects.toMatchObject({ status: 400, message: expect.stringContaining("send texts") });
  });

  it("gets the right scores in 512 requests at once", async () => {
    const answers = await Promise.all(
      responses.map((response) => client().embeddings.create({ model: "rm", input: textOf(response) })),
    );
    expect(answers.map(({ data }) => data[0]?.embedding[0])).toEqual(scores);
  });
});

describe("AI SDK", () => {
  it.each(["/v2", "/cohere/v2"])("ranks through its Cohere provider at %s", async (path) => {
    const cohere = createCohere({ apiKey: "none", baseURL: `${url}${path}` });
    const result = await rerank({ model: cohere.reranking("rm"), query, documents, topN: 3 });
    expect(result.ranking.map(({ originalIndex, score }) => ({ index: originalIndex, relevanceScore: score }))).toEqual(
      ranking(3),
    );
    expect(result.rerankedDocuments).toEqual(expected.slice(0, 3).map(({ response }) => response));
  });
});

describe("LangChain.js", () => {
  it("ranks and compresses through @langchain/cohere", async () => {
    const client = new CohereClient({ token: "none", environment: url });
    const compressor = new CohereRerank({ model: "rm", topN: 2, client } as never);
    expect(await compressor.rerank(documents, query)).toEqual(ranking(2));
    const kept = await compressor.compressDocuments(
      documents.map((pageContent) => new Document({ pageContent })),
      query,
    );
    expect(kept.map(({ pageContent, metadata }) => [pageContent, metadata["relevanceScore"]])).toEqual(
      expected.slice(0, 2).map(({ response, score }) => [response, score]),
    );
  });
});

describe("@huggingface/inference", () => {
  // At "/" its bodies look like those of Text Embeddings Inference, whose callers read another answer.
  it("classifies a text at /huggingface", async () => {
    const text = textOf("An apple.");
    const client = new InferenceClient("hf_none", { endpointUrl: `${url}/huggingface` });
    expect(await client.textClassification({ inputs: text })).toEqual([
      { label: "LABEL_0", score: await scoreOf(text) },
    ]);
  });
});

describe("trainers, as their code sends it", () => {
  const post = async (path: string, body: unknown, address = url) => {
    const response = await fetch(`${address}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      warnings: response.headers.get("x-starling-rm-warnings"),
      json: (await response.json()) as never,
    };
  };

  it("gets the right scores in 512 requests of each at once", async () => {
    const each = <T>(ask: (response: string) => Promise<T>) => Promise.all(responses.map(ask));
    const texts = responses.map(textOf);
    const [openrlhf, verl, slime, factory, sglang] = await Promise.all([
      each((response) => post("/get_reward", { query: [textOf(response)], prompts: [query], labels: [null] })),
      each((response) => post("/classify", { model: "rm", input: textOf(response), use_activation: false })),
      each((response) => post("/slime", { prompt: query, response, label: null })),
      post("/llamafactory", { model: "model", messages: texts }),
      post("/classify", { model: "rm", text: texts }),
    ]);
    expect(openrlhf.map(({ json }) => (json as { rewards: number[] }).rewards[0])).toEqual(scores);
    expect(verl.map(({ json }) => (json as { data: { probs: number[] }[] }).data.at(-1)?.probs.at(-1))).toEqual(scores);
    expect(slime.map(({ json }) => json)).toEqual(scores);
    expect((factory.json as { scores: number[] }).scores).toEqual(scores);
    expect((sglang.json as { embedding: number[] }[]).map(({ embedding }) => embedding[0])).toEqual(scores);
    // aiohttp's json() refuses other types.
    for (const { type } of [...openrlhf, ...slime]) expect(type).toMatch(/^application\/json/);
  });

  it("learns from a header what is probably a mistake", async () => {
    const text = textOf("An apple.");
    const clean = await post("/get_reward", { query: [text] });
    expect([clean.status, clean.warnings]).toEqual([200, null]);
    const suspect = await post("/get_reward", { query: [`${text}\n`, text, `${text}\n`] });
    expect(suspect.warnings).toBe("AFTER_END_OF_TURN=2");
    expect(suspect.json).toMatchObject({ extra_logs: { warnings: 2, truncated: 0 } });
  });

  it("gets another template's text scored in the model's own, where the server reads turns", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: query },
      { role: "assistant", content: "An apple." },
    ] as const;
    const header = (role: string) => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
    const text = `<|begin_of_text|>${messages.map(({ role, content }) => `${header(role)}${content}<|eot_id|>`).join("")}`;
    const score = (await model.score([{ messages }]))[0]?.score;
    expect(score).not.toBe(await scoreOf(text));
    const chat = createServer(model, { rawText: "chat" });
    try {
      const address = await chat.listen({ port: 0 });
      const { json } = await post("/get_reward", { query: [text] }, address);
      expect(json).toMatchObject({ rewards: [score] });
      const refused = await post("/classify", { input: "Hello" }, address);
      expect(refused).toMatchObject({
        status: 400,
        json: { error: { message: expect.stringContaining("input does not begin as the text of a chat template") } },
      });
    } finally {
      await chat.close();
    }
  });
});
