/** The HTTP server before its routes. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { AccessControl } from "../../../src/server/access/access.ts";
import { sendJson } from "../../../src/server/http/answers.ts";
import { createApp } from "../../../src/server/http/app.ts";
import type { RequestRecord } from "../../../src/server/http/exchange.ts";
import { checkServerOptions } from "../../../src/server/options.ts";

/** More than the buffers of a connection hold. */
const LONG = JSON.stringify("a".repeat(64 * 1024 * 1024));

async function appWith(maxStalledMs: number) {
  const records: RequestRecord[] = [];
  const app = createApp({
    options: checkServerOptions({ logLevel: "silent" }),
    access: new AccessControl({}),
    observe: (record) => records.push(record),
    isLast: () => false,
    maxStalledMs,
  });
  app.get("/long", (_, reply) => sendJson(reply, LONG));
  app.get("/short", (_, reply) => sendJson(reply, {}));
  const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const ask = (path: string) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return socket;
  };
  return { app, ask, records };
}

it("gives up a client that does not read its answer, and no other", async () => {
  const { app, ask, records } = await appWith(300);
  try {
    const idle = ask("/short");
    idle.resume();
    const stalled = ask("/long").pause();
    for (let i = 0; i < 100 && records.length < 2; i++) await wait(100);
    expect(records.map(({ route, status }) => [route, status])).toEqual([
      ["/short", 200],
      ["/long", 499],
    ]);
    stalled.destroy();
    // A connection that waits for its next request is not stalled.
    const answered = once(idle, "data");
    idle.write("GET /short HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 200/);
    idle.destroy();
  } finally {
    app.server.closeAllConnections();
    await app.close();
  }
});

it("gives a client that reads slowly all of its answer, however long that takes", { timeout: 60_000 }, async () => {
  // Far longer than a busy machine holds this process up between two chunks, and shorter than reading all takes.
  const maxStalledMs = 2500;
  const { app, ask } = await appWith(maxStalledMs);
  const started = performance.now();
  try {
    const slow = ask("/long").pause();
    let read = 0;
    slow.on("data", (chunk) => {
      read += chunk.length;
      slow.pause();
    });
    while (read < LONG.length && !slow.destroyed) {
      slow.resume();
      await wait(3);
    }
    expect(read).toBeGreaterThan(LONG.length);
    expect(performance.now() - started).toBeGreaterThan(maxStalledMs);
    slow.destroy();
  } finally {
    app.server.closeAllConnections();
    await app.close();
  }
});
