/** `starling-rm serve` as a process: its scores, its end, its address. */
import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ended, folder, run, start } from "../run-cli.ts";
import { servedOnce } from "../serve-once.ts";

const MODEL = ["--model", "tiny", "--gpu", "off", "--threads", "1"];

/** Resolves with the URL when the model is loaded. */
function ready(server: ReturnType<typeof start>): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    server.stderr.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const url = /listening at (\S+);/.exec(printed)?.[1];
      if (url !== undefined && printed.includes("ready:")) resolve(url);
    });
    server.on("close", () => reject(new Error(printed)));
  });
}

/** Items that have reached the server: scored, being scored, or waiting. */
async function itemsCome(url: string): Promise<number> {
  const metrics = await fetch(`${url}/metrics`).then((response) => response.text());
  const counts = metrics.matchAll(/^starling_rm_(?:items_total\{.*\}|queue_items|in_flight_items) (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

it("scores as score does, to the last bit, and answers what has come when it is asked to end", async () => {
  const pair = ["--prompt", "Name a fruit.", "--response", "An apple."];
  const row = JSON.parse((await run(["score", ...MODEL, ...pair, "--format", "jsonl"])).stdout);
  const server = start(["serve", ...MODEL, "--port", "0"]);
  const end = ended(server);
  const url = await ready(server);
  const ask = () =>
    fetch(`${url}/v1/score`, {
      method: "POST",
      body: JSON.stringify({ prompt: "Name a fruit.", response: "An apple." }),
    }).then((response) => response.json());
  // Opens the connections: those that are made after the signal are told to go elsewhere.
  await Promise.all(Array.from({ length: 40 }, ask));
  const answers = Array.from({ length: 40 }, ask);
  while ((await itemsCome(url)) < 80) await new Promise((resolve) => setTimeout(resolve, 10));
  server.kill("SIGTERM");
  for (const answer of await Promise.all(answers)) {
    const { score, tokenCount, truncated } = row;
    expect((answer as { results: unknown }).results).toEqual([{ index: 0, score, tokenCount, truncated }]);
  }
  const { code, stdout, stderr } = await end;
  expect(code).toBe(0);
  expect(stderr).toContain("answering the requests that have come");
  // A line each, without texts.
  expect(stdout.match(/"route":"\/v1\/score"/g)).toHaveLength(80);
  expect(stdout).not.toContain("apple");
});

it.skipIf(process.platform === "win32")(
  "replaces the socket of a server that was killed, not of one that lives",
  async () => {
    const socket = join(folder, "rm.sock");
    const args = ["serve", ...MODEL, "--socket", socket];
    const killed = start(args);
    const end = ended(killed);
    expect(await ready(killed)).toBe(`unix:${socket}`);
    const status = await new Promise((resolve) => {
      request({ socketPath: socket, path: "/readyz" }, (response) => resolve(response.statusCode)).end();
    });
    expect(status).toBe(200);
    expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining("Another server listens at") });
    killed.kill("SIGKILL");
    await end;
    expect(existsSync(socket)).toBe(true);
    expect(await servedOnce(args)).toMatchObject({ code: 0 });
    expect(existsSync(socket)).toBe(false);
  },
);

it("ends with 2 and one sentence where it cannot serve", async () => {
  const missing = await run(["serve", "--model", "no-such.gguf", "--port", "0"]);
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("no-such.gguf") });
  const open = await run(["serve", ...MODEL, "--host", "0.0.0.0", "--port", "0"]);
  expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining("--api-key-file") });
  const keys = join(folder, "spaced-keys.txt");
  writeFileSync(keys, "# two\nfirst\nmy key\n");
  const spaced = await run(["serve", ...MODEL, "--port", "0", "--api-key-file", keys]);
  expect(spaced).toMatchObject({ code: 2, stderr: expect.stringContaining(`Key 2 of ${keys} cannot be used`) });
  const both = await run(["serve", ...MODEL, "--port", "0", "--socket", join(folder, "both.sock")]);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("leave out --host and --port") });
  const candidates = await run(["serve", ...MODEL, "--port", "0", "--candidates-url", "ftp://a"]);
  expect(candidates).toMatchObject({ code: 2, stderr: expect.stringContaining('received "ftp://a"') });
});
