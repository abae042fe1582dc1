/** examples/deploy/haproxy.cfg: which replica a request goes to, and what is tried again. The replicas only say what came. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type Balancer,
  listening,
  missingHaproxy,
  startBalancer,
  startBalancerByName,
  withHaproxy,
} from "./haproxy.ts";
import { nameServer } from "./name-server.ts";

type Handler = (name: string, request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

const folder = mkdtempSync(join(tmpdir(), "starling-rm-balancer-"));
const servers: Server[] = [];
/** What arrived at each replica. */
const counts = { a: 0, b: 0 };
let balancer: Balancer;
let handler: Handler;

const answer: Handler = (name, _request, response, body) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ name, bytes: body.length }));
};

async function replica(name: "a" | "b"): Promise<string> {
  const server = createServer((incoming, response) => {
    if (incoming.url === "/readyz") {
      response.end("{}");
      return;
    }
    counts[name] += 1;
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => handler(name, incoming, response, Buffer.concat(chunks)));
  });
  servers.push(server);
  return `127.0.0.1:${await listening(server)}`;
}

beforeAll(async () => {
  if (missingHaproxy !== undefined) return;
  balancer = await startBalancer(folder, { a: await replica("a"), b: await replica("b") });
});

afterEach(() => {
  handler = answer;
  counts.a = 0;
  counts.b = 0;
});

afterAll(async () => {
  await balancer?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

handler = answer;

/** Python's json.dumps: everything that is not ASCII is escaped. */
const ascii = (text: string) =>
  text.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

async function post(path: string, body: string): Promise<Response> {
  return fetch(`${balancer.url}${path}`, { method: "POST", body, headers: { "content-type": "application/json" } });
}

/** The replica that answered. */
async function at(path: string, body: unknown): Promise<string> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await post(path, text);
  const { name, bytes } = (await response.json()) as { name: string; bytes: number };
  expect(response.headers.get("x-starling-rm-replica")).toBe(name);
  expect(bytes).toBe(Buffer.byteLength(text));
  return name;
}

const PROMPTS = Array.from({ length: 10 }, (_, i) => `Name "a" fruit\\vegetable.\nNumber ${i * 7919}: élan 果物 🍎`);
const RESPONSES = ["An apple.", "果物 \\ Assistant: none", "x".repeat(3000)];
const chatml = (prompt: string, response: string) =>
  `<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n${response}<|im_end|>`;
const user = (content: unknown) => ({ role: "user", content });
const said = (content: unknown) => ({ role: "assistant", content });
const system = { role: "system", content: "Be brief." };
const parts = (text: string) => [{ type: "text", text }];

type Format = readonly [name: string, path: string, body: (prompt: string, response: string) => unknown];
const FORMATS: readonly Format[] = [
  ["own rank", "/v1/rank", (prompt, response) => ({ responses: [response, "no"], prompt })],
  ["own rank, messages", "/v1/rank", (p, response) => ({ messages: [system, user(p)], responses: [response] })],
  ["own rank, conversation as prompt", "/v1/rank", (p, r) => ({ prompt: [system, user(p)], responses: [r] })],
  ["own score", "/v1/score", (prompt, response) => ({ items: [{ prompt, response }], perToken: true })],
  ["own score, model first", "/v1/score", (prompt, response) => ({ model: "rm", items: [{ response, prompt }] })],
  ["own score, messages", "/v1/score", (p, r) => ({ items: [{ messages: [user(p), said(r)] }] })],
  ["own score, system", "/v1/score", (p, r) => ({ items: [{ messages: [system, user(p), said(r)] }] })],
  ["own score, text", "/v1/score", (p, r) => ({ items: [{ text: chatml(p, r) }] })],
  ["own score, one item", "/v1/score", (prompt, response) => ({ prompt, response })],
  ["own score, list", "/v1/score", (prompt, response) => [{ prompt, response }]],
  ["own score, spaces", "/v1/score", (p, r) => JSON.stringify({ items: [{ prompt: p, response: r }] }, null, 2)],
  ["OpenRLHF", "/get_reward", (p, r) => ({ query: [chatml(p, r)], prompts: [p], labels: [null] })],
  ["OpenRLHF without prompts", "/get_reward", (p, r) => ({ query: [chatml(p, r)] })],
  ["verl", "/classify", (p, r) => ({ model: "rm", input: chatml(p, r), use_activation: false })],
  ["verl embeddings", "/v1/embeddings", (p, r) => ({ model: "rm", input: [chatml(p, r)] })],
  ["vLLM chat", "/classify", (p, r) => ({ model: "rm", messages: [user(parts(p)), said(r)] })],
  ["vLLM score", "/score", (text_1, text_2) => ({ model: "rm", text_1, text_2: [text_2] })],
  ["vLLM score, lists", "/v1/score", (p, r) => ({ queries: [p], documents: [r] })],
  ["slime", "/slime", (prompt, response) => ({ prompt, response, label: null })],
  ["slime, messages", "/slime", (p, response) => ({ prompt: [user(p)], response, label: "x" })],
  ["LLaMA-Factory", "/llamafactory", (p, r) => ({ model: "model", messages: [chatml(p, r)] })],
  ["SGLang", "/classify", (p, r) => ({ model: "rm", text: [chatml(p, r)] })],
  ["TEI predict", "/predict", (p, r) => ({ inputs: [[chatml(p, r)]] })],
  ["TEI pair", "/predict", (p, r) => ({ inputs: [[p, r]] })],
  ["TEI rerank", "/rerank", (query, text) => ({ query, texts: [text], raw_scores: true })],
  ["Hugging Face", "/huggingface", (p, r) => ({ inputs: chatml(p, r), parameters: {} })],
  ["Hugging Face pair", "/huggingface", (text, text_pair) => ({ inputs: { text, text_pair } })],
  ["Cohere", "/v2/rerank", (query, text) => ({ model: "rm", documents: [{ text }], query, top_n: null })],
  ["Cohere, query in parts", "/v1/rerank", (p, r) => ({ query: { content: parts(p) }, documents: [r] })],
  [
    "Llama 3",
    "/classify",
    (p, r) => ({
      input: `<|start_header_id|>user<|end_header_id|>\n\n${p}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n${r}`,
    }),
  ],
  ["Mistral", "/classify", (p, r) => ({ input: `<s>[INST] ${p} [/INST] ${r}</s>` })],
  [
    "Gemma",
    "/classify",
    (p, r) => ({
      input: `<start_of_turn>user\n${p}<end_of_turn>\n<start_of_turn>model\n${r}<end_of_turn>`,
    }),
  ],
  [
    "OpenChat",
    "/classify",
    (p, r) => ({ input: `GPT4 Correct User: ${p}<|end_of_turn|>GPT4 Correct Assistant: ${r}` }),
  ],
  ["DeepSeek", "/classify", (p, r) => ({ input: `<｜User｜>${p}<｜Assistant｜>${r}` })],
];

describe.skipIf(missingHaproxy !== undefined)(withHaproxy("HAProxy"), () => {
  it.each(FORMATS)("keeps the responses to a prompt together: %s", async (_name, path, body) => {
    const seen = await Promise.all(
      PROMPTS.map(async (prompt) => {
        const texts = RESPONSES.map((response) => body(prompt, response)).map((value) =>
          typeof value === "string" ? value : JSON.stringify(value),
        );
        const plain = await Promise.all(texts.map((text) => at(path, text)));
        const same = await Promise.all(texts.slice(1).map((text) => at(path, ascii(text))));
        expect(new Set(plain).size, prompt).toBe(1);
        expect(new Set(same).size, prompt).toBe(1);
        return plain[0];
      }),
    );
    expect(new Set(seen)).toEqual(new Set(["a", "b"]));
  });

  it("takes turns where there is no prompt", async () => {
    for (const body of ["not JSON", "{}", "[]", "5", '{"prompt":null}', ""])
      await Promise.all(Array.from({ length: 4 }, () => post("/v1/score", body)));
    await Promise.all(Array.from({ length: 8 }, () => fetch(`${balancer.url}/v1/models`)));
    expect(Math.abs(counts.a - counts.b)).toBeLessThanOrEqual(2);
  });

  it("passes on what is longer than its buffer, whole", async () => {
    const response = "long \u00e9 ".repeat(100_000);
    const early = PROMPTS.map((prompt) => ({ prompt, response }));
    const names = await Promise.all(early.map((body) => at("/v1/score", body)));
    expect(await Promise.all(PROMPTS.map((prompt) => at("/v1/score", { prompt, response: "short" })))).toEqual(names);
    await Promise.all(PROMPTS.map((prompt) => at("/v1/score", { response, prompt })));
  });

  it("asks another replica when one closes the connection, answers with nonsense or is not ready", async () => {
    const troubles: Handler[] = [
      (_name, request) => request.socket.destroy(),
      (_name, request) => request.socket.resetAndDestroy(),
      (_name, request) => request.socket.end("nonsense\r\n\r\n"),
      (_name, _request, response) => response.writeHead(503, { "retry-after": "7" }).end("{}"),
    ];
    for (const trouble of troubles) {
      for (const bad of ["a", "b"]) {
        handler = (name, ...rest) => (name === bad ? trouble : answer)(name, ...rest);
        const names = await Promise.all(PROMPTS.map((prompt) => at("/v1/score", { prompt, response: "x" })));
        expect(new Set(names)).toEqual(new Set([bad === "a" ? "b" : "a"]));
      }
    }
  });

  it("passes on the refusal of the last replica, and every other status at once", async () => {
    handler = (_name, _request, response) => response.writeHead(503, { "retry-after": "7" }).end('{"full":true}');
    const full = await post("/get_reward", '{"query":["x"]}');
    expect([full.status, full.headers.get("retry-after"), await full.json()]).toEqual([503, "7", { full: true }]);
    expect(Math.min(counts.a, counts.b)).toBeGreaterThanOrEqual(1);
    expect(counts.a + counts.b).toBe(3);
    for (const status of [400, 401, 403, 413, 429, 500, 504]) {
      counts.a = 0;
      counts.b = 0;
      handler = (_name, _request, response) => response.writeHead(status, { "retry-after": "3" }).end("{}");
      const response = await post("/v1/rerank", '{"query":"x","documents":["y"]}');
      expect([response.status, response.headers.get("retry-after")]).toEqual([status, "3"]);
      expect(counts.a + counts.b).toBe(1);
    }
  });

  it("says it where the replica of an overlong request dies", async () => {
    handler = (_name, request) => request.socket.destroy();
    const body = JSON.stringify({ prompt: "x", response: "y".repeat(400_000) });
    // On a connection that was used before, HAProxy only closes it: clients try again then.
    const asked = request(`${balancer.url}/v1/score`, { method: "POST", agent: false }).end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([502, "1"]);
    expect(await json(response)).toMatchObject({ error: { message: expect.stringContaining("try again") } });
  });

  it("closes the replica's connection when the client goes away", async () => {
    const gone = new AbortController();
    const closed = new Promise<void>((resolve) => {
      handler = (_name, _request, response) => {
        response.on("close", () => resolve());
        gone.abort();
      };
    });
    const body = JSON.stringify({ prompt: "x", response: "y" });
    const asked = fetch(`${balancer.url}/v1/score`, { method: "POST", body, signal: gone.signal });
    await expect(asked).rejects.toThrow("aborted");
    await closed;
    expect(counts.a + counts.b).toBe(1);
  });

  it("passes on lines as they come", async () => {
    let more = () => {};
    handler = (_name, _request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" }).write("1\n");
      more = () => response.end("2\n");
    };
    const response = await post("/v1/score", '{"prompt":"x","response":"y"}');
    const reader = response.body?.getReader();
    const line = async () => new TextDecoder().decode((await reader?.read())?.value);
    expect(await line()).toBe("1\n");
    more();
    expect(await line()).toBe("2\n");
  });

  // Linux has all of 127.0.0.0/8.
  it.skipIf(process.platform !== "linux")("finds the replicas of a name, and those that come and go", async () => {
    const replicas = new Map<string, Server>();
    let port = 0;
    const add = async (address: string) => {
      const server = createServer((_request, response) => response.end(address)).listen(port, address);
      await once(server, "listening");
      port = (server.address() as AddressInfo).port;
      replicas.set(address, server);
      servers.push(server);
    };
    await add("127.0.0.2");
    await add("127.0.0.3");
    const names = await nameServer([...replicas.keys()]);
    const byName = await startBalancerByName(folder, `replicas.test:${port}`, names);
    try {
      const homes = () =>
        Promise.all(
          PROMPTS.map(async (prompt) => {
            const body = JSON.stringify({ prompt, response: "x" });
            const answered = await fetch(`${byName.url}/v1/score`, { method: "POST", body });
            expect(answered.status).toBe(200);
            return answered.text();
          }),
        );
      const two = await homes();
      expect(new Set(two)).toEqual(new Set(["127.0.0.2", "127.0.0.3"]));
      await add("127.0.0.4");
      names.addresses = [...replicas.keys()];
      await byName.healthy(3);
      const three = await homes();
      // Only to the new one do prompts move.
      for (const [i, address] of three.entries()) if (address !== "127.0.0.4") expect(address).toBe(two[i]);
      expect(three).toContain("127.0.0.4");
      names.addresses = ["127.0.0.2", "127.0.0.3"];
      await byName.healthy(2);
      expect(await homes()).toEqual(two);
    } finally {
      await byName.stop();
      names.close();
    }
  });
});
