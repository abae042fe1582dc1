/** What HTTP clients do to a server: disconnects, slow ones, wrong requests, load while it ends. The model is in this process. */
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage, METHODS } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createServer, type RewardServer, type ServerOptions } from "../../src/entry/server.ts";
import { loadRewardModel, type RewardModel } from "../../src/index.ts";

let model: RewardModel;
const servers: RewardServer[] = [];

beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => model.close());

async function listen(options: ServerOptions = {}): Promise<{ server: RewardServer; port: number }> {
  const server = createServer(model, options);
  servers.push(server);
  const url = await server.listen({ port: 0 });
  return { server, port: Number(new URL(url).port) };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingMessage["headers"];
}

async function send(
  port: number,
  path: string,
  body: string | undefined,
  { method = "POST", headers = {}, agent }: { method?: string; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Answer> {
  const request = httpRequest({ port, path, method, headers, agent: agent ?? false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), headers: response.headers };
}

const longItems = (count: number, name = "a") =>
  Array.from({ length: count }, (_, i) => ({ prompt: `${name}${i} ${"word ".repeat(20)}`, response: "An apple." }));

/** A connection that says what it likes. */
async function open(port: number, head: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(head);
  return socket;
}

const postHead = (path: string, length: number, more = "") =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n${more}\r\n`;

async function metric(port: number, name: string): Promise<number> {
  const { text } = await send(port, "/metrics", undefined, { method: "GET" });
  return Number(new RegExp(`^starling_rm_${name} (\\S+)$`, "m").exec(text)?.[1]);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(20);
}

describe("wrong requests", () => {
  it.each([
    ["an unknown path, with the nearest", "POST", "/v1/scor", "{}", 404, "Did you mean /v1/score?"],
    ["another method", "POST", "/livez", "{}", 405, "Expected GET, HEAD for /livez but received POST."],
    ["another method of a scoring route", "GET", "/v1/rank", undefined, 405, "Expected POST for /v1/rank"],
    ["a path with another slash at its end", "POST", "/v1/score//", "{}", 404, "Did you mean /v1/score?"],
    ["an upload without a body", "POST", "/playground/rows?name=a.csv", undefined, 400, "a.csv is empty"],
    [
      "a key twice",
      "POST",
      "/v1/score",
      '{"items":[{"text":"a","text":"b"}]}',
      400,
      'the key "text" twice in one object',
    ],
    ["what is not JSON", "POST", "/v1/score", '{"a" 1}', 400, "the error is in line 1, column 6"],
    ["JSON that ends too early", "POST", "/v1/score", '{"a":', 400, "it ends after 5 characters, too early"],
    ["an empty body", "POST", "/v1/score", undefined, 400, "The body is empty"],
    ["a body that is no row", "POST", "/v1/score", "3", 400, "Expected"],
  ])("are answered: %s", async (_, method, path, body, status, message) => {
    const { port } = await listen();
    const answer = await send(port, path, body, { method });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text).error.message).toContain(message);
    if (status === 405) expect(answer.headers.allow).toBeDefined();
  });

  it("methods that no route has are 405, also those whose body fastify wants to know", async () => {
    const { port } = await listen();
    for (const method of ["PUT", "PROPFIND", ...(METHODS.includes("QUERY") ? ["QUERY"] : [])]) {
      const answer = await send(port, "/v1/score", "{}", { method, headers: { "content-type": "application/json" } });
      expect([method, answer.status]).toEqual([method, 405]);
      expect(answer.headers.allow).toContain("POST");
    }
  });

  it("a long unknown path costs no more than another", async () => {
    const { port } = await listen();
    await send(port, "/nothing", "{}");
    const spent: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const began = process.cpuUsage();
      for (const character of ["a", "/"])
        expect((await send(port, `/${character.repeat(14_000)}b`, "{}")).status).toBe(404);
      spent.push(process.cpuUsage(began).user);
    }
    expect(Math.min(...spent)).toBeLessThan(150_000);
  });

  it("bodies and lists beyond the limits are 413, with the limit, once the client has sent all", async () => {
    const { port } = await listen({ maxBody: 1000, maxItems: 3 });
    const large = await send(port, "/v1/score", JSON.stringify({ text: "a".repeat(20_000_000) }));
    expect(large).toMatchObject({ status: 413, text: expect.stringContaining("1000 bytes") });
    const chunked = await send(port, "/v1/score", JSON.stringify({ text: "a".repeat(20_000) }), {
      headers: { "transfer-encoding": "chunked" },
    });
    expect(chunked.status).toBe(413);
    const many = await send(port, "/v1/score", JSON.stringify(["a", "b", "c", "d"].map((text) => ({ text }))));
    expect(many).toMatchObject({ status: 413, text: expect.stringContaining("4 items, and the limit is 3") });
  });

  it("takes JSON under the names that clients give it, and no other", async () => {
    const { port } = await listen();
    const body = JSON.stringify({ prompt: "a", response: "b" });
    for (const type of ["application/x-www-form-urlencoded", "application/json; charset=utf-8", "text/plain"])
      expect((await send(port, "/v1/score", body, { headers: { "content-type": type } })).status).toBe(200);
    const multipart = await send(port, "/v1/score", body, { headers: { "content-type": "multipart/form-data" } });
    expect(multipart.status).toBe(415);
    const zipped = await send(port, "/v1/score", body, { headers: { "content-encoding": "gzip" } });
    expect(zipped).toMatchObject({ status: 415, text: expect.stringContaining("Content-Encoding") });
    const form = await send(port, "/v1/score", "a=b", {
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(form).toMatchObject({ status: 400, text: expect.stringContaining("a form and not JSON") });
  });

  it("errors of a wire format have its shape, also before its body is known", async () => {
    const { port } = await listen();
    const broken = await send(port, "/cohere/v2/rerank", "{");
    expect(broken.status).toBe(400);
    expect(JSON.parse(broken.text)).toMatchObject({ message: expect.any(String) });
    const invalid = await send(port, "/tei/predict", '{"inputs": [3]}');
    expect(invalid.status).toBe(422);
    expect(JSON.parse(invalid.text)).toMatchObject({ error: expect.any(String), error_type: expect.any(String) });
  });

  it("request ids are echoed, or made", async () => {
    const { port } = await listen();
    const echoed = await send(port, "/livez", undefined, { method: "GET", headers: { "x-request-id": "abc-1" } });
    expect(echoed.headers["x-request-id"]).toBe("abc-1");
    const made = await send(port, "/nothing", undefined, { method: "GET", headers: { "x-request-id": "a b" } });
    expect(made.headers["x-request-id"]).toMatch(/^[\da-f-]{36}$/);
  });
});

describe("work that nobody waits for", () => {
  it("is freed when the client closes its connection", async () => {
    const { port } = await listen();
    const body = JSON.stringify({ items: longItems(1000) });
    const socket = await open(port, postHead("/v1/score", Buffer.byteLength(body)) + body);
    await until(async () => (await metric(port, "queue_items")) > 100);
    socket.destroy();
    await until(async () => (await metric(port, "queue_items")) === 0 && (await metric(port, "in_flight_items")) === 0);
    expect((await send(port, "/v1/score", '{"text":"a"}')).status).toBe(200);
  });

  it("is freed at its deadline, which is answered with 504", async () => {
    const { port } = await listen();
    const body = JSON.stringify({ items: longItems(1000) });
    const { status, text } = await send(port, "/v1/score", body, { headers: { "x-request-timeout": "0.3" } });
    expect({ status, text }).toMatchObject({ status: 504, text: expect.stringContaining("0.3 s") });
    expect(await metric(port, "queue_items")).toBe(0);
    const wrong = await send(port, "/v1/score", "{}", { headers: { "x-request-timeout": "soon" } });
    expect(wrong.status).toBe(400);
  });

  it("is refused beyond the queue's limit, with Retry-After: 503 for trainers, 429 for rerankers", async () => {
    const { port } = await listen({ maxQueueItems: 10 });
    const body = JSON.stringify({ items: longItems(80) });
    const first = send(port, "/v1/score", body);
    await until(async () => (await metric(port, "queue_items")) > 10);
    const trainer = await send(port, "/get_reward", '{"query":["a"],"prompts":["a"]}');
    const reranker = await send(port, "/v2/rerank", '{"query":"a","documents":["b"]}');
    expect([trainer.status, reranker.status]).toEqual([503, 429]);
    expect(Number(reranker.headers["retry-after"])).toBeGreaterThan(0);
    expect((await first).status).toBe(200);
  });
});

describe("slow clients", () => {
  it("that send a body byte by byte keep nobody waiting", async () => {
    const { port } = await listen();
    const body = '{"text":"a"}';
    const socket = await open(port, postHead("/v1/score", body.length));
    const answered = once(socket, "data");
    for (const character of body) {
      expect((await send(port, "/livez", undefined, { method: "GET" })).status).toBe(200);
      socket.write(character);
    }
    expect(String((await answered)[0])).toContain("200 OK");
    socket.destroy();
  });

  it("that do not read get their lines when they do", async () => {
    const { port } = await listen();
    const items = Array.from({ length: 40 }, (_, i) => ({ prompt: "word", response: `a ${i} b`.repeat(20) }));
    const body = JSON.stringify({ items, perToken: true });
    const head = postHead(
      "/v1/score",
      Buffer.byteLength(body),
      "Accept: application/x-ndjson\r\nConnection: close\r\n",
    );
    const socket = await open(port, head + body);
    socket.pause();
    await until(async () => (await metric(port, "queue_items")) + (await metric(port, "in_flight_items")) === 0);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk as Buffer));
    socket.resume();
    await once(socket, "close");
    expect(
      Buffer.concat(chunks)
        .toString()
        .match(/"index":/g),
    ).toHaveLength(40);
  });
});

describe("the end", () => {
  it("every request that has come is answered; keep-alive connections do not hold it up", async () => {
    const { server, port } = await listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const [expected] = await model.score([longItems(1)[0] as { prompt: string; response: string }]);
    await Promise.all(Array.from({ length: 64 }, () => send(port, "/livez", undefined, { method: "GET", agent })));
    const answers = Array.from({ length: 64 }, () =>
      send(port, "/v1/score", JSON.stringify(longItems(1)[0]), { agent }),
    );
    await until(async () => (await metric(port, "in_flight_items")) > 0);
    const began = performance.now();
    await server.drain();
    const took = performance.now() - began;
    for (const { status, text } of await Promise.all(answers)) {
      expect(status).toBe(200);
      expect(JSON.parse(text).results[0].score).toBe(expected?.score);
    }
    expect(took).toBeLessThan(20_000);
    agent.destroy();
    await expect(send(port, "/livez", undefined, { method: "GET" })).rejects.toThrow("ECONNREFUSED");
  });

  it("a connection that the system had taken before the drain is answered", async () => {
    const { server, port } = await listen();
    const shared = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const request = `${postHead("/v1/score", 12)}{"text":"a"}`;
    const client = new Worker(
      `const { connect } = require("node:net");
      const { once } = require("node:events");
      const { parentPort, workerData: { port, request, shared } } = require("node:worker_threads");
      const sockets = Array.from({ length: 20 }, () => connect(port, "127.0.0.1"));
      const beginning = async (socket) => {
        try { return String((await once(socket, "data"))[0]).slice(0, 12); } catch (error) { return error.code; }
      };
      for (const socket of sockets) socket.write(request);
      Promise.all(sockets.map(beginning)).then((all) => parentPort.postMessage(all));
      Promise.all(sockets.map((socket) => once(socket, "connect"))).finally(() => {
        Atomics.store(shared, 0, 1);
        Atomics.notify(shared, 0);
      });`,
      { eval: true, workerData: { port, request, shared } },
    );
    // Until then this thread, which is the server's too, does nothing: the system has taken them, and the server none.
    Atomics.wait(shared, 0, 0, 30_000);
    const drained = server.drain();
    const [answers] = await once(client, "message");
    expect(answers).toEqual(Array(20).fill("HTTP/1.1 200"));
    await client.terminate();
    await drained;
  });

  it("while it drains, /livez is 200, /readyz 503, and new connections are told to go elsewhere", async () => {
    const { server, port } = await listen();
    const first = send(port, "/v1/score", JSON.stringify({ items: longItems(800) }));
    await until(async () => (await metric(port, "in_flight_items")) > 0);
    const drained = server.drain();
    expect((await send(port, "/livez", undefined, { method: "GET" })).status).toBe(200);
    const ready = await send(port, "/readyz", undefined, { method: "GET" });
    expect(ready).toMatchObject({ status: 503, text: expect.stringContaining('"draining"') });
    await sleep(200);
    const late = await send(port, "/v1/score", '{"text":"a"}');
    expect(late).toMatchObject({ status: 503, headers: { "retry-after": expect.any(String), connection: "close" } });
    expect((await first).status).toBe(200);
    await drained;
  });

  it("a close answers what waits with 503, at once", async () => {
    const { server, port } = await listen();
    const first = send(port, "/v1/score", JSON.stringify({ items: longItems(1000) }));
    await until(async () => (await metric(port, "in_flight_items")) > 0);
    await server.close();
    expect((await first).status).toBe(503);
  });
});

describe("load", () => {
  it("scores are the library's to the last bit, whatever comes at the same time", async () => {
    const { port } = await listen();
    const items = Array.from({ length: 60 }, (_, i) => ({
      prompt: i % 2 === 0 ? `Shared ${"word ".repeat(50)}` : `Own ${i}`,
      response: `Answer ${i % 7} ${"and more ".repeat(i % 5)}`,
    }));
    const expected = await model.score(items);
    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    const noise = Array.from({ length: 40 }, async (_, i) => {
      const body = JSON.stringify({ items: longItems(5, `n${i} `) });
      const socket = await open(port, postHead("/v1/score", Buffer.byteLength(body)) + body);
      await sleep(i * 10);
      socket.destroy();
    });
    const answers = await Promise.all(items.map((item) => send(port, "/v1/score", JSON.stringify(item), { agent })));
    await Promise.all(noise);
    agent.destroy();
    expect(answers.map(({ text }) => JSON.parse(text).results?.[0]?.score)).toEqual(expected.map(({ score }) => score));
  });
});

it("/openapi.json describes all routes with the bodies of all wire formats", async () => {
  const { port } = await listen();
  const { paths, openapi } = JSON.parse((await send(port, "/openapi.json", undefined, { method: "GET" })).text);
  expect(openapi).toBe("3.1.0");
  for (const path of ["/v1/score", "/v1/rank", "/get_reward", "/classify", "/v2/rerank", "/predict", "/v1/embeddings"])
    expect(paths[path].post.requestBody.content["application/json"].schema, path).toBeDefined();
  expect(paths["/rerank"].post.requestBody.content["application/json"].schema.anyOf.length).toBeGreaterThan(1);
});
