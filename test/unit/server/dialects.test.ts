import { describe, expect, it } from "vitest";
import { serveOnce } from "./serve-once.ts";

const TEXT = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>";
const tokens = (count: number) => ({ prompt_tokens: count, total_tokens: count });
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Requests as the genuine clients of these versions sent them. */
describe("OpenRLHF", () => {
  const request = {
    query: [TEXT],
    prompts: ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"],
    labels: [null],
  };

  it("answers a rollout with lists, and floats to make tensors of", () => {
    const { dialect, items, text, body } = serveOnce("/get_reward", request, { scores: [-1.25] });
    expect(dialect.name).toBe("openrlhf");
    expect(items).toEqual([{ item: { text: TEXT }, name: "query[0]" }]);
    expect(body).toEqual({ rewards: [-1.25], scores: [-1.25], extra_logs: { truncated: 0, warnings: 0 } });
    expect(text).toContain('"extra_logs":{"truncated":0.0,"warnings":0.0}');
  });

  it.each([
    [3, "3.0"],
    [-0, "0.0"],
    [1e-7, "1e-7"],
    [1e21, "1e+21"],
    [0.10000000149011612, "0.10000000149011612"],
  ])("writes %d as a Python float, %s", (score, written) => {
    const { text } = serveOnce("/get_reward", request, { scores: [score] });
    expect(text).toContain(`"rewards":[${written}]`);
  });

  it("counts what was truncated or suspect", () => {
    const results = [{ truncated: true }, { warnings: [{ code: "DOUBLE_BOS", token: "<s>" } as const] }, {}];
    const { body } = serveOnce("/get_reward", { query: ["a", "b", "c"] }, { results });
    expect(body).toMatchObject({ extra_logs: { truncated: 1, warnings: 1 } });
  });

  it("answers the empty lists that further servers get", () => {
    const { status, body } = serveOnce("/openrlhf", { query: [], prompts: [], labels: [] });
    expect([status, body]).toEqual([200, { rewards: [], scores: [], extra_logs: { truncated: 0, warnings: 0 } }]);
  });
});

describe("verl", () => {
  it.each(["use_activation", "activation"])("reads data[-1].probs[-1] of /classify, with %s false", (flag) => {
    const { dialect, body, items } = serveOnce("/classify", { model: "rm/path", input: TEXT, [flag]: false });
    expect(dialect.name).toBe("vllm-classify");
    expect(items[0]?.item).toEqual({ text: TEXT });
    expect(body).toEqual({
      id: "classify-r1",
      object: "list",
      created: 1_790_000_000,
      model: "starling-rm-tiny",
      data: [{ index: 0, label: "LABEL_0", probs: [0.5], num_classes: 1 }],
      usage: { ...tokens(10), completion_tokens: 0, prompt_tokens_details: null },
    });
  });

  it("reads data[-1].embedding[-1] of /v1/embeddings", () => {
    const { body } = serveOnce("/v1/embeddings", { model: "rm/path", input: TEXT });
    expect(body).toMatchObject({ object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5] }] });
  });
});

describe("slime", () => {
  it("gets a bare number for a plain prompt, whose turns the model's template writes", () => {
    const { text, items } = serveOnce("/slime", { prompt: "Hi", response: "Hello", label: null }, { scores: [-2] });
    expect(text).toBe("-2");
    expect(items[0]?.item).toEqual({ prompt: "Hi", response: "Hello" });
  });

  it("gets one at / for a prompt of messages", () => {
    const prompt = [{ role: "user", content: "Hi" }];
    const { dialect, items } = serveOnce("/", { prompt, response: "Hello", label: "x" });
    expect([dialect.name, items[0]?.item]).toEqual(["slime", { prompt, response: "Hello" }]);
  });

  it("joins a rendered prompt and its response, and does not render them again", () => {
    const prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    const { items } = serveOnce("/slime", { prompt, response: "Hello<|im_end|>", label: null });
    expect(items[0]?.item).toEqual({ text: `${prompt}Hello<|im_end|>` });
  });

  it("leaves a prompt alone that only talks about a template", () => {
    const prompt = "What is <|im_start|>user\n for?";
    const { items } = serveOnce("/slime", { prompt, response: "A mark.", label: null });
    expect(items[0]?.item).toEqual({ prompt, response: "A mark." });
  });
});

describe("LLaMA-Factory", () => {
  it.each(["/llamafactory", "/", "/v1/score/evaluation"])("reads scores at %s", (path) => {
    const { dialect, body, items } = serveOnce(path, { model: "model", messages: [TEXT, "b"] });
    expect(dialect.name).toBe("llamafactory");
    expect(items.map(({ name }) => name)).toEqual(["messages[0]", "messages[1]"]);
    expect(body).toEqual({
      id: "scoreval-r1",
      object: "score.evaluation",
      model: "starling-rm-tiny",
      scores: [0.5, 1.5],
    });
  });
});

describe("vLLM", () => {
  it("applies a sigmoid only where it is asked for", () => {
    const probs = (flags: object) =>
      (serveOnce("/v1/classify", { input: "a", ...flags }).body as { data: { probs: number[] }[] }).data[0]?.probs[0];
    expect(probs({})).toBe(0.5);
    expect(probs({ use_activation: null })).toBe(0.5);
    expect(probs({ use_activation: true })).toBe(sigmoid(0.5));
    expect(probs({ activation: true })).toBe(sigmoid(0.5));
    expect(probs({ use_activation: false, activation: true })).toBe(0.5);
  });

  it("scores messages as a conversation", () => {
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: [{ type: "text", text: "Hello" }] },
    ];
    expect(serveOnce("/classify", { model: "m", messages, input: null }).items[0]?.item).toEqual({ messages });
    expect(serveOnce("/classify", { messages: messages.slice(0, 1) })).toMatchObject({
      status: 400,
      body: { error: { type: "BadRequestError", code: 400, message: expect.stringContaining("last message") } },
    });
  });

  it.each([
    [{ messages: [], add_generation_prompt: true }, "add_generation_prompt"],
    [{ messages: [], chat_template: "{{ messages }}" }, "chat_template"],
    [{ input: [1, 2, 3] }, "input"],
    [{ input: [[1, 2], [3]] }, "input"],
    [{ input: ["a", null] }, "input[1]"],
    [{ input: ["a", ""] }, "input[1]"],
    [{}, "input"],
    [{ input: "a", messages: [] }, "input"],
    [{ input: "a", use_activation: "no" }, "use_activation"],
  ])("refuses %j, naming %s", (body, param) => {
    expect(serveOnce("/classify", body)).toMatchObject({ status: 400, body: { error: { param, code: 400 } } });
  });

  it("pools one number a text", () => {
    const { body } = serveOnce("/pooling", { model: "m", input: ["a", "b"], task: "classify" });
    expect(body).toMatchObject({ data: [{ index: 0, object: "pooling", data: [0.5] }, { data: [1.5] }] });
    expect(serveOnce("/pooling", { input: "a", task: "token_classify" }).status).toBe(400);
  });

  it.each([
    ["text_1", "text_2"],
    ["queries", "documents"],
    ["queries", "items"],
    ["data_1", "data_2"],
  ])("scores %s with %s: one with one, one with many, many with many", (first, second) => {
    const items = (a: unknown, b: unknown) =>
      serveOnce("/v1/score", { model: "m", [first]: a, [second]: b }).items.map(({ item }) => item);
    expect(items("q", "d")).toEqual([{ prompt: "q", response: "d" }]);
    const shared = ["d", "e"].map((response) => ({ prompt: "q", response }));
    expect(items("q", ["d", "e"])).toEqual(shared);
    expect(items(["q"], ["d", "e"])).toEqual(shared);
    expect(items(["q", "r"], ["d", "e"])).toEqual([shared[0], { prompt: "r", response: "e" }]);
    expect(items("q", [])).toEqual([]);
    expect(serveOnce("/score", { [first]: ["q", "r"], [second]: ["d"] }).status).toBe(400);
  });

  it("answers scores in the order of the request", () => {
    const { body } = serveOnce("/score", { text_1: "q", text_2: ["d", "e"] }, { scores: [2, -1] });
    expect(body).toMatchObject({
      data: [
        { index: 0, object: "score", score: 2 },
        { index: 1, object: "score", score: -1 },
      ],
      usage: tokens(21),
    });
  });

  it("reads text parts", () => {
    const content = [{ type: "text", text: "q" }];
    expect(serveOnce("/score", { text_1: { content }, text_2: "d" }).items[0]?.item).toEqual({
      prompt: content,
      response: "d",
    });
    const image = { content: [{ type: "image_url", image_url: { url: "x" } }] };
    expect(serveOnce("/score", { text_1: image, text_2: "d" }).status).toBe(400);
  });

  it("always returns documents from its rerank", () => {
    expect(serveOnce("/vllm/v1/rerank", { query: "q", documents: ["d"], top_n: 0 }).body).toMatchObject({
      results: [{ index: 0, relevance_score: 0.5, document: { text: "d" } }],
      usage: tokens(10),
    });
  });
});

describe("SGLang", () => {
  it("answers a list with a list and a text with an object", () => {
    const one = (score: number, count: number) => ({
      embedding: [score],
      meta_info: { id: "r1", prompt_tokens: count },
    });
    expect(serveOnce("/classify", { model: "m", text: ["a", "b"] }).body).toEqual([one(0.5, 10), one(1.5, 11)]);
    expect(serveOnce("/classify", { model: "m", text: "a" }).body).toEqual(one(0.5, 10));
    expect(serveOnce("/sglang/classify", { input_ids: [[1, 2]] }).status).toBe(400);
    expect(serveOnce("/sglang/classify", { text: [] })).toMatchObject({ status: 200, body: [] });
    for (const text of [null, undefined]) expect(serveOnce("/sglang/classify", { text }).status).toBe(400);
  });

  it("answers /v1/rerank with a bare list, best first", () => {
    const request = { model: "m", query: "q", documents: ["a", "b"] };
    expect(serveOnce("/sglang/v1/rerank", request).body).toMatchObject([
      { score: 1.5, document: "b", index: 1, meta_info: { prompt_tokens: 11 } },
      { score: 0.5, document: "a", index: 0 },
    ]);
    const { body } = serveOnce("/sglang/v1/rerank", { ...request, top_n: 1, return_documents: false });
    expect(body).toEqual([{ score: 1.5, index: 1, meta_info: { id: "r1", prompt_tokens: 11 } }]);
  });
});

describe("Text Embeddings Inference", () => {
  it.each([
    ["a", [{ text: "a" }], [{ score: 0.5, label: "LABEL_0" }]],
    [["a"], [{ text: "a" }], [{ score: 0.5, label: "LABEL_0" }]],
    [["q", "d"], [{ prompt: "q", response: "d" }], [{ score: 0.5, label: "LABEL_0" }]],
    [
      [["a"], ["q", "d"]],
      [{ text: "a" }, { prompt: "q", response: "d" }],
      [[{ score: 0.5, label: "LABEL_0" }], [{ score: 1.5, label: "LABEL_0" }]],
    ],
    [[], [], []],
  ])("predicts %j", (inputs, items, body) => {
    for (const path of ["/predict", "/"]) {
      const reply = serveOnce(path, { inputs, truncate: null, raw_scores: null });
      expect([reply.dialect.name, reply.body]).toEqual(["tei-predict", body]);
      expect(reply.items.map(({ item }) => item)).toEqual(items);
    }
  });

  it("refuses what is neither a pair nor a batch with 422", () => {
    expect(serveOnce("/predict", { inputs: ["a", "b", "c"] })).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining("a batch is a list of lists"), error_type: "validation" },
    });
  });

  it("ranks, with a sigmoid only where raw_scores is false", () => {
    const request = { query: "q", texts: ["a", "b"], truncate: false };
    expect(serveOnce("/rerank", request).body).toEqual([
      { index: 1, score: 1.5 },
      { index: 0, score: 0.5 },
    ]);
    expect(serveOnce("/rerank", { ...request, raw_scores: false, return_text: true }).body).toEqual([
      { index: 1, text: "b", score: sigmoid(1.5) },
      { index: 0, text: "a", score: sigmoid(0.5) },
    ]);
    expect(serveOnce("/tei", { ...request, raw_scores: true }).body).toMatchObject([{ score: 1.5 }, { score: 0.5 }]);
  });
});

describe("Hugging Face", () => {
  it("answers InferenceClient.text_classification at the base URL with nested lists", () => {
    for (const path of ["/", "/huggingface"])
      expect(serveOnce(path, { inputs: "a", parameters: {} }).body).toEqual([[{ label: "LABEL_0", score: 0.5 }]]);
    expect(serveOnce("/huggingface", { inputs: ["a", "b"] }).body).toHaveLength(2);
  });

  it("obeys function_to_apply", () => {
    const apply = (name: string) => serveOnce("/", { inputs: "a", parameters: { function_to_apply: name, top_k: 1 } });
    expect(apply("sigmoid").body).toEqual([[{ label: "LABEL_0", score: sigmoid(0.5) }]]);
    expect(apply("none").body).toEqual([[{ label: "LABEL_0", score: 0.5 }]]);
    expect(apply("softmax").status).toBe(400);
  });

  it("scores a pair as prompt and response", () => {
    const { items } = serveOnce("/huggingface", { inputs: { text: "q", text_pair: "d" } });
    expect(items[0]?.item).toEqual({ prompt: "q", response: "d" });
  });
});

describe("Cohere, Jina, LiteLLM", () => {
  const unset = {
    top_n: null,
    return_documents: null,
    max_tokens_per_doc: null,
    max_chunks_per_doc: null,
    rank_fields: null,
  };

  it.each(["/v1/rerank", "/v2/rerank", "/rerank", "/cohere/v2/rerank", "/jina/v1/rerank"])("ranks at %s", (path) => {
    const request = { model: "m", query: "q", documents: ["a", { text: "b" }, "c"], ...unset };
    const { status, items, body } = serveOnce(path, request, { scores: [1, 3, 1] });
    expect(status).toBe(200);
    expect(items.map(({ item }) => item)).toEqual(["a", "b", "c"].map((response) => ({ prompt: "q", response })));
    expect(body).toEqual({
      id: "r1",
      object: "list",
      model: "starling-rm-tiny",
      results: [
        { index: 1, relevance_score: 3 },
        { index: 0, relevance_score: 1 },
        { index: 2, relevance_score: 1 },
      ],
      usage: tokens(33),
      meta: {
        api_version: { version: path.includes("v2") ? "2" : "1" },
        billed_units: { search_units: 1, total_tokens: 33 },
        tokens: { input_tokens: 33, output_tokens: 0 },
      },
    });
  });

  it("returns documents on request, objects as they came", () => {
    const documents = ["a", { text: "b", title: "B" }];
    const { body } = serveOnce("/v1/rerank", { query: "q", documents, return_documents: true, top_n: 5 });
    expect(body).toMatchObject({
      results: [{ document: { text: "b", title: "B" } }, { document: { text: "a" } }],
    });
  });

  it.each([
    [0, 3],
    [1, 1],
    [2, 2],
    [9, 3],
  ])("top_n %d gives %d", (top_n, count) => {
    const { body } = serveOnce("/v2/rerank", { query: "q", documents: ["a", "b", "c"], top_n });
    expect((body as { results: unknown[] }).results).toHaveLength(count);
  });

  it("answers no documents with no results", () => {
    expect(serveOnce("/v1/rerank", { query: "q", documents: [] })).toMatchObject({
      status: 200,
      body: { results: [] },
    });
  });

  it.each([
    [{ documents: ["a"] }, "query is missing: expected a string", "query"],
    [{ query: "q" }, "documents is missing", "documents"],
    [{ query: "q", documents: [{ title: "a" }] }, "documents[0] has no text", "documents[0].text"],
    [{ query: "q", documents: ["a", 3] }, "Expected a string or an object for documents[1]", "documents[1]"],
    [{ query: "q", documents: ["a"], top_n: -1 }, "Expected a whole number of 0 or more for top_n", "top_n"],
    [{ query: "q", documents: ["\ud800"] }, "not valid Unicode", "documents[0].response"],
  ])("says of %j: %s", (request, message, param) => {
    const { status, body } = serveOnce("/v2/rerank", request);
    expect(status).toBe(400);
    expect(body).toMatchObject({ message: expect.stringContaining(message), param });
    expect((body as { detail: string }).detail).toBe((body as { message: string }).message);
  });

  it("keeps the order of raw scores where a sigmoid makes them equal", () => {
    const request = { query: "q", documents: ["a", "b"], use_activation: true };
    expect(serveOnce("/v1/rerank", request, { scores: [40, 50] }).body).toMatchObject({
      results: [
        { index: 1, relevance_score: 1 },
        { index: 0, relevance_score: 1 },
      ],
    });
  });
});

describe("Infinity", () => {
  it("returns documents as texts", () => {
    const request = { query: "q", documents: ["a"], return_documents: true, model: "default/not-specified" };
    expect(serveOnce("/infinity/rerank", request).body).toEqual({
      object: "rerank",
      results: [{ relevance_score: 0.5, index: 0, document: "a" }],
      model: "starling-rm-tiny",
      usage: tokens(10),
      id: "infinity-r1",
      created: 1_790_000_000,
    });
  });

  it("is known at the root by raw_scores, which others do not have", () => {
    const request = { query: "q", documents: ["a"], return_documents: true, raw_scores: true };
    expect(serveOnce("/rerank", request).body).toMatchObject({
      object: "rerank",
      results: [{ relevance_score: 0.5, index: 0, document: "a" }],
    });
    expect(serveOnce("/classify", { input: ["a"], raw_scores: true }).body).toMatchObject({
      data: [[{ score: 0.5, label: "LABEL_0" }]],
    });
    expect(serveOnce("/rerank", { query: "q", texts: ["a"], raw_scores: true }).dialect.name).toBe("tei-rerank");
  });

  it("obeys infinity_client, which writes raw_scores", () => {
    const score = (raw_scores: boolean) =>
      serveOnce("/infinity/classify", { input: ["a"], model: "m", raw_scores }).body as { data: unknown };
    expect(score(false).data).toEqual([[{ score: sigmoid(0.5), label: "LABEL_0" }]]);
    expect(score(true).data).toEqual([[{ score: 0.5, label: "LABEL_0" }]]);
  });
});

describe("OpenAI embeddings", () => {
  it("writes base64 as little-endian float32", () => {
    const { body } = serveOnce(
      "/v1/embeddings",
      { model: "m", input: ["a"], encoding_format: "base64" },
      { scores: [1] },
    );
    expect(body).toEqual({
      id: "embd-r1",
      object: "list",
      created: 1_790_000_000,
      data: [{ object: "embedding", index: 0, embedding: "AACAPw==" }],
      model: "starling-rm-tiny",
      usage: tokens(10),
    });
  });

  it.each([
    [{ dimensions: 1 }, 200],
    [{ dimensions: 0 }, 200],
    [{ dimensions: null, encoding_format: null, user: null }, 200],
    [{ dimensions: 256 }, 400],
    [{ encoding_format: "hex" }, 400],
    [{ normalize: true }, 400],
    [{ modality: "image" }, 400],
  ])("answers %j with %d", (fields, status) => {
    expect(serveOnce("/embeddings", { model: "m", input: "a", ...fields }).status).toBe(status);
  });

  it("refuses token ids in OpenAI's shape", () => {
    expect(serveOnce("/v1/embeddings", { model: "m", input: [[1, 2]] })).toMatchObject({
      status: 400,
      body: {
        error: { type: "invalid_request_error", param: "input", message: expect.stringContaining("send texts") },
      },
    });
  });
});
