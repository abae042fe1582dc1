/** What the page of the server asks for: its files, rows of uploads, candidates. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer as createHttpServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createServer, type RewardServer } from "../../src/entry/server.ts";
import { loadRewardModel, type RewardModel } from "../../src/index.ts";
import { type UploadedLine, uploadedRows } from "../../src/server/playground/rows.ts";

let model: RewardModel;
let server: RewardServer;
let endpoint: Server;
let url: string;
const asked: Record<string, unknown>[] = [];

beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
  endpoint = createHttpServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on("end", () => {
      asked.push({ ...JSON.parse(text), authorization: request.headers.authorization });
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`data: {"choices":[{"delta":{"content":"An apple."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`);
    });
  });
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  const { port } = endpoint.address() as AddressInfo;
  server = createServer(model, { candidates: { url: `http://127.0.0.1:${port}/v1`, key: "sk-secret", model: "m" } });
  url = await server.listen({ port: 0 });
});

afterAll(async () => {
  await server.close();
  endpoint.close();
  await model.close();
});

const linesOf = (text: string) =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("the page", () => {
  it("has a policy that allows nothing but its own files, and asks each time whether it changed", async () => {
    const response = await fetch(`${url}/`);
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = new Map(
      (response.headers.get("content-security-policy") ?? "").split("; ").map((part) => {
        const [name = "", ...values] = part.split(" ");
        return [name, values.join(" ")];
      }),
    );
    expect(Object.fromEntries(policy)).toMatchObject({
      "default-src": "'none'",
      "script-src": "'self'",
      "style-src": "'self'",
      "connect-src": "'self'",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
    });
    expect(response.headers.get("content-security-policy")).not.toMatch(/unsafe|https?:|\*/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(html).not.toMatch(/<script(?![^>]* src=)|style="|https?:\/\/(?!www\.w3\.org)/);
    const etag = response.headers.get("etag") ?? "";
    const again = await fetch(`${url}/`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });

  it("has files that never change under their names, without addresses of other hosts to load from", async () => {
    const html = await (await fetch(`${url}/`)).text();
    const names = [...html.matchAll(/(?:src|href)="(\/playground\/[^"]+)"/g)].map(([, name]) => name);
    expect(names.length).toBe(2);
    let bytes = 0;
    for (const name of names) {
      const response = await fetch(`${url}${name}`);
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const text = await response.text();
      bytes += text.length;
      expect(text).not.toMatch(/@import|url\(|import\(/);
    }
    expect(bytes).toBeLessThan(150_000);
    expect((await fetch(`${url}/playground/assets/licenses.txt`)).status).toBe(200);
    for (const wrong of ["nothing.js", "..%2Findex.html", "%2e%2e%2fassets.json", "index.html"])
      expect((await fetch(`${url}/playground/assets/${wrong}`)).status).toBe(404);
  });

  it("is told what the server can do, and no key", async () => {
    const text = await (await fetch(`${url}/playground/settings`)).text();
    expect(JSON.parse(text)).toMatchObject({ candidates: { model: "m", maxCount: 64 } });
    expect(text).not.toContain("sk-secret");
  });
});

const rows = [
  { prompt: "Name a fruit.", response: "An apple." },
  { prompt: "Name a fruit.", response: 'A car,\n"red"' },
];
const upload = async (name: string, body: string | Uint8Array, query: Record<string, string> = {}) => {
  const search = new URLSearchParams({ name, ...query });
  const headers = { "content-type": "application/octet-stream" };
  const response = await fetch(`${url}/playground/rows?${search}`, { method: "POST", body, headers });
  return { status: response.status, text: await response.text() };
};

describe("rows of an upload", () => {
  const jsonl = rows.map((row) => JSON.stringify(row)).join("\n");
  const parquet = new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "prompt", data: rows.map(({ prompt }) => prompt) },
        { name: "response", data: rows.map(({ response }) => response) },
      ],
    }),
  );
  it.each<[string, string | Uint8Array]>([
    ["a.jsonl", jsonl],
    ["a.json", JSON.stringify(rows)],
    ["a.csv", 'prompt,response\nName a fruit.,An apple.\nName a fruit.,"A car,\n""red"""\n'],
    ["a.jsonl.gz", gzipSync(jsonl)],
    ["a.parquet", parquet],
    ["a.parquet.gz", gzipSync(parquet)],
  ])("are those of the command line's reader: %s", async (name, body) => {
    const { status, text } = await upload(name, body);
    expect(status).toBe(200);
    expect(linesOf(text).map(({ row, items }) => ({ row, items }))).toEqual(
      rows.map((item, i) => ({ row: i + 1, items: [item] })),
    );
  });

  it("with several responses, preferences, rows that are wrong, and notices", async () => {
    const lines = [
      '{"prompt":"a","responses":["1","2"]}',
      "{",
      '{"question":"a","chosen":"1","rejected":"2"}',
      '{"a":1}',
    ];
    const found = linesOf((await upload("a.jsonl", lines.join("\n"))).text);
    expect(found).toMatchObject([
      { row: 1, where: "line 1", many: true, items: [{ response: "1" }, { response: "2" }] },
      { row: 2, where: "line 2", error: { code: "ERR_INVALID_JSON" } },
      { notice: 'reading prompt from "question", responses from "chosen" and "rejected"' },
      { row: 3, items: [{ prompt: "a", response: "1" }, { response: "2" }] },
      { row: 4, error: { code: "ERR_INVALID_ITEM" } },
    ]);
  });

  it("with fields by other names", async () => {
    const { text } = await upload("a.csv", "q;a\nx;y\n", { fields: '{"prompt":"q","response":"a"}' });
    expect(linesOf(text)).toContainEqual(expect.objectContaining({ items: [{ prompt: "x", response: "y" }] }));
    const tools = '{"prompt":"x","response":"y","tools":[{"name":"f"}]}';
    expect(linesOf((await upload("a.jsonl", tools)).text)).toMatchObject([{ error: { code: "ERR_INVALID_ITEM" } }]);
    expect(linesOf((await upload("a.jsonl", tools, { ignore: "tools" })).text)).toMatchObject([
      { items: [{ prompt: "x" }] },
    ]);
    const wrong = await upload("a.csv", "q;a\nx;y\n", { fields: '["q"]' });
    expect([wrong.status, JSON.parse(wrong.text).error.message]).toEqual([
      400,
      'Expected an object such as {"prompt":"question"} for fields.',
    ]);
    const unknown = await upload("a.csv", "q;a\nx;y\n", { fields: '{"promt":"q"}' });
    expect([unknown.status, unknown.text]).toEqual([400, expect.stringContaining('Did you mean \\"prompt\\"?')]);
  });

  it("or why a file cannot be read: by its own name, not that of the temporary copy", async () => {
    const damaged = await upload("mine.parquet", parquet.subarray(0, 60));
    expect(damaged.text).toContain("mine.parquet");
    expect(damaged.text).not.toContain(tmpdir());
    const columns = linesOf((await upload("mine.csv", "x,y\n1,2\n")).text);
    expect(columns).toMatchObject([{ error: { message: expect.stringContaining("mine.csv") } }]);
    expect(linesOf((await upload("empty.jsonl", "")).text)).toEqual([]);
  });

  it("are at most those that a page shows", async () => {
    const controller = new AbortController();
    const body = async function* () {
      for (let i = 0; i < 100; i++) yield Buffer.from(`{"text":"${i}"}\n`);
    };
    const options = { mapping: {}, maxBytes: 10_000, maxItems: 10, signal: controller.signal };
    const lines: UploadedLine[] = [];
    for await (const line of uploadedRows(body(), "a.jsonl", options)) lines.push(line);
    expect(lines.length).toBe(11);
    expect(lines.at(-1)).toEqual({ notice: expect.stringMatching(/^Only the first rows are shown, 10 texts\./) });
    const small = uploadedRows(body(), "a.jsonl", { ...options, maxBytes: 500 });
    await expect(small.next()).rejects.toThrow(/^a\.jsonl is larger than 500 bytes.*starling-rm rank/);
  });

  it("are refused by the size that is announced, before they are sent", async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${url}/playground/rows?name=a.jsonl`, {
        method: "POST",
        headers: { "content-length": String(2 ** 40) },
      });
      request.on("response", (response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      request.on("error", reject);
      request.write("{");
    });
    expect(status).toBe(413);
  });

  it("leave no temporary copy, also where the client goes away in the middle", async () => {
    // A folder of its own: other tests make copies, too.
    const folder = mkdtempSync(join(tmpdir(), "starling-rm-copies-"));
    vi.stubEnv("TMPDIR", folder);
    vi.stubEnv("TEMP", folder);
    const copies = () => readdirSync(folder).length;
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${url}/playground/rows?name=a.jsonl`, { method: "POST" });
      request.on("error", () => resolve());
      request.write('{"text":"a"}\n');
      void expect
        .poll(copies, { timeout: 10_000 })
        .toBe(1)
        .finally(() => request.destroy(new Error("gone")));
    });
    await upload("a.jsonl", jsonl);
    await expect.poll(copies, { timeout: 10_000 }).toBe(0);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
});

describe("candidates", () => {
  const draw = async (body: unknown) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/playground/candidates`, {
      method: "POST",
      body: JSON.stringify(body),
      headers,
    });
    return { status: response.status, text: await response.text() };
  };
  const messages = [{ role: "user", content: "Name a fruit." }];

  it("are asked for with the server's key", async () => {
    const { status, text } = await draw({ messages, count: 2, temperature: 0.7 });
    expect(status).toBe(200);
    expect(linesOf(text).map(({ response }) => response)).toEqual(["An apple.", "An apple."]);
    expect(asked.at(-1)).toMatchObject({ model: "m", messages, temperature: 0.7, authorization: "Bearer sk-secret" });
    expect(text).not.toContain("sk-secret");
  });

  it.each([
    [{ messages, count: 0 }, "Expected a whole number from 1 to 64 for count but received 0."],
    [{ messages, count: 65 }, "Expected a whole number from 1 to 64 for count but received 65."],
    [{ messages: [], count: 1 }, "Expected a non-empty array"],
    [
      { messages: [...messages, { role: "assistant", content: "x" }], count: 1 },
      "Expected the last message of messages",
    ],
    [{ messages: [{ role: "tool", content: "x" }], count: 1 }, "role"],
  ])("are not asked for a wrong request: %j", async (body, message) => {
    const before = asked.length;
    const { status, text } = await draw(body);
    expect(status).toBe(400);
    expect(JSON.parse(text).error.message).toContain(message);
    expect(asked.length).toBe(before);
  });

  it("are not offered without an endpoint", async () => {
    const other = createServer(model);
    const there = await other.listen({ port: 0 });
    expect(await (await fetch(`${there}/playground/settings`)).json()).toMatchObject({ candidates: null });
    expect((await fetch(`${there}/playground/candidates`, { method: "POST", body: "{}" })).status).toBe(404);
    await other.close();
    expect(() => createServer(model, { candidates: { url: "nowhere" } })).toThrow(
      /Expected a url such as http.* for candidates/,
    );
  });
});
