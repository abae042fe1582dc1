/** The programs of the cookbook, as files beside an installed package: the HTTP endpoint and the worker. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folder, repository } from "./run-cli.ts";

const page = readFileSync(join(repository, "docs", "cookbook.md"), "utf8");
const programs = [...page.matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, name = "", code = ""]) => ({
  name,
  code,
}));
const place = join(folder, "programs");
const env = { ...process.env, STARLING_RM_CACHE: join(folder, "cache"), STARLING_RM_MODEL: "tiny", PORT: "0" };

beforeAll(() => {
  mkdirSync(join(place, "node_modules"), { recursive: true });
  symlinkSync(repository, join(place, "node_modules", "starling-rm"), "junction");
  for (const { name, code } of programs) writeFileSync(join(place, name), code);
});

it("are the ones that are tested here", () => {
  expect(programs.map(({ name }) => name)).toEqual(["server.mjs", "scorer.mjs", "main.mjs"]);
});

it("a worker ranks, and ends", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["main.mjs"], { cwd: place, env });
  expect([stdout, stderr]).toEqual([expect.stringMatching(/^[78]\n$/), ""]);
});

describe("the HTTP endpoint", () => {
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    server = spawn(process.execPath, ["server.mjs"], { cwd: place, env, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(server.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    url = line.toString().trim();
  });
  afterAll(() => server.kill("SIGKILL"));

  type Answer = { readonly ranking: readonly { readonly rank: number; readonly score: number }[] };
  const post = async (body: string): Promise<readonly [number, Answer]> => {
    const response = await fetch(url, { method: "POST", body });
    return [response.status, (await response.json()) as Answer];
  };
  const question = JSON.stringify({ prompt: "Name a prime.", responses: ["8", "7"] });

  it("ranks, for several at once and for a conversation", async () => {
    const answers = await Promise.all([question, question].map(post));
    for (const [status, { ranking }] of answers) {
      expect(status).toBe(200);
      expect(ranking.map(({ rank }) => rank)).toEqual([1, 2]);
      const [first, second] = ranking.map(({ score }) => score);
      expect(first).toBeGreaterThanOrEqual(second as number);
    }
    const messages = [{ role: "user", content: "Name a prime." }];
    expect(await post(JSON.stringify({ prompt: messages, responses: ["8", "7"] }))).toEqual(answers[0]);
  });

  it.each(["{", "null", '{"prompt":"a"}', '{"prompt":"a","responses":"b"}', '{"prompt":5,"responses":["b"]}'])(
    "answers %s with what is wrong",
    async (body) => {
      expect(await post(body)).toEqual([400, { error: expect.objectContaining({ message: expect.any(String) }) }]);
    },
  );

  it("refuses a body that is too long, and other paths", async () => {
    expect((await post(`"${"a".repeat(5 * 1024 * 1024)}"`))[0]).toBe(400);
    expect((await fetch(url.replace("rank", "other"))).status).toBe(404);
  });

  it("survives a client that goes away", async () => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const long = JSON.stringify({ prompt: "a", responses: Array.from({ length: 2000 }, (_, i) => `word ${i}`) });
    socket.write(`POST /rank HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(long)}\r\n\r\n${long}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    expect((await post(question))[0]).toBe(200);
  });

  it("ends when it is asked to", async () => {
    server.kill("SIGTERM");
    expect(await once(server, "exit")).toEqual([0, null]);
  });
});
