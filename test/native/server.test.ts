/** The server over HTTP, with the model in this process. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type RewardServer } from "../../src/entry/server.ts";
import { loadRewardModel, type RewardModel } from "../../src/index.ts";

let model: RewardModel;
let server: RewardServer;
let url: string;

beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
  server = createServer(model);
  url = await server.listen({ port: 0 });
});

afterAll(async () => {
  await server.close();
  await model.close();
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${url}${path}`, { method: "POST", body: text, headers });
  const answer = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  return {
    status: response.status,
    text: answer,
    headers: response.headers,
    json: isJson ? (JSON.parse(answer) as Record<string, unknown>) : {},
  };
}

const linesOf = ({ text }: Answer) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("POST /v1/score", () => {
  const items = [
    { prompt: "Name a fruit.", response: "An apple." },
    { prompt: "Name a fruit.", responses: ["An apple.", "A car."] },
    { messages: [{ role: "user", content: "Hi" }], responses: ["Hello."] },
    { text: "<|im_start|>user\nHi<|im_end|>" },
  ];

  it("scores every shape that a row can have, as the library does", async () => {
    const flat = [
      { prompt: "Name a fruit.", response: "An apple." },
      { prompt: "Name a fruit.", response: "A car." },
      { prompt: "Hi", response: "Hello." },
      { text: "<|im_start|>user\nHi<|im_end|>" },
    ];
    const [apple, car, hello, text] = await model.score(flat);
    const { status, json } = await post("/v1/score", { items });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      model: model.info.name,
      results: [
        { index: 0, score: apple?.score, tokenCount: apple?.tokenCount, truncated: false },
        {
          index: 1,
          scores: [apple?.score, car?.score],
          ranks: [2, 1],
          tokenCount: [apple?.tokenCount, car?.tokenCount],
        },
        { index: 2, scores: [hello?.score], ranks: [1] },
        { index: 3, score: text?.score },
      ],
    });
  });

  it("streams each row as soon as it is scored, with its index", async () => {
    const whole = await post("/v1/score", { items });
    const streamed = await post("/v1/score", { items }, { accept: "application/x-ndjson" });
    const lines = linesOf(streamed).sort((a, b) => Number(a["index"]) - Number(b["index"]));
    expect(lines).toEqual(whole.json["results"]);
  });

  it("answers a row that cannot be scored with its error, and scores the others", async () => {
    const { status, json } = await post("/v1/score", { items: [{ text: "" }, { prompt: "a", response: "b" }, 3] });
    expect(status).toBe(200);
    expect(json["results"]).toMatchObject([
      { index: 0, error: { code: "ERR_EMPTY_TEXT", message: expect.stringMatching(/^items\[0\]\.text is empty/) } },
      { index: 1, score: expect.any(Number) },
      {
        index: 2,
        error: { code: "ERR_INVALID_ITEM", message: expect.stringContaining("items[2], but it is a number") },
      },
    ]);
  });

  it("takes one item, a list of items, an empty list, and options beside them", async () => {
    const item = { prompt: "Name a fruit.", response: "An apple." };
    const [expected] = await model.score([item], { perToken: true });
    const one = await post("/v1/score", { ...item, perToken: true });
    expect(one.json["results"]).toEqual([
      {
        index: 0,
        score: expected?.score,
        tokenCount: expected?.tokenCount,
        truncated: false,
        tokenRewards: JSON.parse(JSON.stringify(expected?.tokenRewards)),
      },
    ]);
    expect((await post("/v1/score", [item])).json["results"]).toMatchObject([{ score: expected?.score }]);
    expect((await post("/v1/score", { items: [] })).json).toEqual({ model: model.info.name, results: [] });
  });

  it("names an option that is spelled otherwise", async () => {
    const { status, json } = await post("/v1/score", { items: [], per_token: true });
    expect({ status, json }).toMatchObject({
      status: 400,
      json: { error: { field: "per_token", message: expect.stringContaining('Did you mean "perToken"?') } },
    });
  });
});

describe("POST /v1/rank", () => {
  const call = { prompt: "Name a fruit.", responses: ["A car.", "An apple.", "I hate you."] };

  it("ranks as the library does, and cuts at topN", async () => {
    const expected = await model.rank(call.prompt, call.responses);
    const short = expected.map(({ rank, index, score, tokenCount, truncated, response }) => ({
      ...{ rank, index, score, tokenCount, truncated, response },
    }));
    expect((await post("/v1/rank", call)).json["ranking"]).toEqual(short);
    expect((await post("/v1/rank", { ...call, topN: 1 })).json["ranking"]).toEqual(short.slice(0, 1));
    const lines = linesOf(await post("/v1/rank", call, { accept: "application/x-ndjson" }));
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatchObject({ ranking: short });
  });

  it("refuses what it cannot rank, naming the response", async () => {
    const { status, json } = await post("/v1/rank", { ...call, responses: ["a", 3] });
    expect({ status, json }).toMatchObject({ status: 400, json: { error: { code: "ERR_INVALID_ITEM" } } });
    expect(json["error"]).toMatchObject({ message: expect.stringContaining("responses[1]") });
  });
});
