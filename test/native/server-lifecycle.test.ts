/** createServer() used in the wrong order: what listens after its end, or a model that was closed. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createServer, type RewardServer } from "../../src/entry/server.ts";
import { loadRewardModel, type RewardModel } from "../../src/index.ts";

const load = () => loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
let model: RewardModel;
let server: RewardServer;

beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());
afterEach(() => server?.close());

const wrong = (message: string) => ({ code: "ERR_INVALID_ARGUMENT", message: expect.stringContaining(message) });

describe("a server listens once", () => {
  it("and not twice", async () => {
    server = createServer(model);
    const url = await server.listen({ port: 0 });
    await expect(server.listen({ port: 0 })).rejects.toMatchObject(wrong("listens already"));
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it("and not twice at the same time", async () => {
    server = createServer(model);
    const [first, second] = await Promise.allSettled([server.listen({ port: 0 }), server.listen({ port: 0 })]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({ reason: wrong("listens already") });
  });

  it("unless it could not: then it may try again", async () => {
    const other = createServer(model);
    const { port } = new URL(await other.listen({ port: 0 }));
    server = createServer(model);
    await expect(server.listen({ port: Number(port) })).rejects.toMatchObject(wrong("it is in use"));
    await expect(server.listen({ port: 0 })).resolves.toContain("http://127.0.0.1:");
    await other.close();
  });

  it("and not after it was closed, nor while it is", async () => {
    server = createServer(model);
    await server.close();
    await expect(server.listen({ port: 0 })).rejects.toMatchObject(wrong("is closed"));
    expect(server.address).toBeUndefined();

    server = createServer(model);
    const listening = server.listen({ port: 0 });
    const seen = expect(listening).rejects.toMatchObject(wrong("was closed meanwhile"));
    await server.close();
    await seen;
    expect(server.address).toBeUndefined();
  });
});

describe("a loaded model that its owner closes", () => {
  it("is no model to serve", async () => {
    const closed = await load();
    await closed.close();
    expect(() => createServer(closed)).toThrow(expect.objectContaining({ code: "ERR_MODEL_CLOSED" }));
  });

  it("makes the server unready", async () => {
    const own = await load();
    server = createServer(own);
    const url = await server.listen({ port: 0 });
    await server.ready;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await own.close();
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ state: "failed", reason: expect.stringContaining("closed") });
    const asked = await fetch(`${url}/v1/score`, { method: "POST", body: '{"text":"a"}' });
    expect(asked.status).toBe(503);
  });
});

describe.skipIf(process.platform === "win32")("a socket file", () => {
  const folder = mkdtempSync(join(tmpdir(), "rm-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("whose path is longer than the system takes is refused, and not cut off", async () => {
    server = createServer(model);
    const socket = join(folder, "a".repeat(120));
    await expect(server.listen({ socket })).rejects.toMatchObject(wrong("choose a shorter one"));
    expect(existsSync(socket.slice(0, 107))).toBe(false);
    const fits = join(folder, "a".repeat(103 - folder.length - 1));
    await expect(server.listen({ socket: fits })).resolves.toBe(`unix:${fits}`);
    expect(existsSync(fits)).toBe(true);
  });

  it("in a folder that is not there says so", async () => {
    server = createServer(model);
    const socket = join(folder, "none", "rm.sock");
    await expect(server.listen({ socket })).rejects.toMatchObject(wrong("does not exist"));
  });
});
