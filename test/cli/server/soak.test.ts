/**
 * A server under rude clients: no wrong answer, no lost one, no growth, nothing left open. Some hundred requests among the tests,
 * 10,000 with `npm run soak`, or as many as STARLING_RM_SOAK_REQUESTS says.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { embeddedModelPath, loadRewardModel } from "../../../src/index.ts";
import { randomOf } from "../../random.ts";

const FULL = 10_000;
const REQUESTS = Number(
  process.env["STARLING_RM_SOAK_REQUESTS"] ?? (process.env["npm_lifecycle_event"] === "soak" ? FULL : 400),
);
const IS_SOAK = REQUESTS >= FULL;
/** Of the scoring process, in the first half. */
const KILLS = IS_SOAK ? 20 : 2;
const CONNECTIONS = 32;
const KEY = "right-key";
const MAX_BODY = 100_000;
const MEBIBYTE = 1024 ** 2;
/** In the second half; what V8 and the allocator keep varies by more than a few MiB. */
const MOST_GROWTH = { heapUsed: 8 * MEBIBYTE, rss: 64 * MEBIBYTE, scoring: 64 * MEBIBYTE };

const folder = mkdtempSync(join(tmpdir(), "starling-rm-soak-"));
let server: ChildProcess | undefined;
afterAll(() => {
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const random = randomOf(29);

/** @param write sends the body, and may give up */
function post(
  url: string,
  headers: Record<string, string | number>,
  write: (outgoing: ReturnType<typeof request>) => unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: "POST", agent, headers: { "content-type": "application/json", "x-api-key": KEY, ...headers } },
      (incoming: IncomingMessage) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode as number, body: Buffer.concat(chunks).toString() }),
        );
        incoming.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    write(outgoing);
  });
}

interface Item {
  readonly prompt: string;
  readonly response: string;
}

/** What a client does: it throws where the answer is wrong. "unavailable" is a right answer, but not a score. */
type Behaviour = (url: string) => Promise<"scored" | "unavailable" | "refused" | "gone">;

function behavioursOf(scores: ReadonlyMap<Item, number>): Readonly<Record<string, Behaviour>> {
  const items = [...scores.keys()];
  const someItem = () => items[random(items.length)] as Item;
  const judged = ({ status, body }: Answer, asked: readonly Item[]) => {
    if (status === 503) return "unavailable" as const;
    expect(status, body).toBe(200);
    const { results } = JSON.parse(body) as { results: { score?: number; error?: { code: string } }[] };
    expect(results).toHaveLength(asked.length);
    expect(results.map(({ score }) => score)).toEqual(asked.map((item) => scores.get(item)));
    return "scored" as const;
  };
  const refused = (wanted: number, { status, body }: Answer) => {
    expect(status, body).toBe(wanted);
    expect(JSON.parse(body)).toHaveProperty("error.message");
    return "refused" as const;
  };
  return {
    async one(url) {
      const item = someItem();
      return judged(await post(url, {}, (outgoing) => outgoing.end(JSON.stringify(item))), [item]);
    },
    async many(url) {
      const asked = Array.from({ length: 1 + random(12) }, someItem);
      return judged(await post(url, {}, (outgoing) => outgoing.end(JSON.stringify({ items: asked }))), asked);
    },
    async slow(url) {
      const item = someItem();
      const body = Buffer.from(JSON.stringify(item));
      const answer = await post(url, { "content-length": body.length }, async (outgoing) => {
        const step = Math.ceil(body.length / (2 + random(6)));
        for (let at = 0; at < body.length; at += step) {
          outgoing.write(body.subarray(at, at + step));
          await sleep(random(20));
        }
        outgoing.end();
      });
      return judged(answer, [item]);
    },
    async disconnecting(url) {
      const body = JSON.stringify({ items: Array.from({ length: 1 + random(12) }, someItem) });
      const wait = random(30);
      try {
        await post(url, { "content-length": Buffer.byteLength(body) }, async (outgoing) => {
          // Some leave in the middle of the body.
          if (random(3) === 0) outgoing.write(body.slice(0, random(body.length)));
          else outgoing.end(body);
          await sleep(wait);
          outgoing.destroy(new Error("left"));
        });
      } catch {
        // That is what it wanted.
      }
      return "gone";
    },
    async oversize(url) {
      const body = JSON.stringify({ prompt: "x".repeat(MAX_BODY), response: "y" });
      try {
        return refused(413, await post(url, {}, (outgoing) => outgoing.end(body)));
      } catch (error) {
        // A server that answers before it has read everything may close the connection before the answer is read.
        if (!/ECONNRESET|EPIPE/.test(String((error as NodeJS.ErrnoException).code))) throw error;
        return "gone";
      }
    },
    async malformed(url) {
      const body = JSON.stringify(someItem());
      const cut = body.slice(0, 1 + random(body.length - 1));
      return refused(400, await post(url, {}, (outgoing) => outgoing.end(cut)));
    },
    async stranger(url) {
      const headers = random(2) === 0 ? { "x-api-key": "wrong-key" } : { "x-api-key": "", authorization: "Bearer no" };
      return refused(401, await post(url, headers, (outgoing) => outgoing.end(JSON.stringify(someItem()))));
    },
  };
}

/** Children of a process: of a server, its scoring process. */
function childrenOf(pid: number): number[] {
  try {
    return execFileSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .filter((line) => line !== "")
      .map(Number)
      .filter((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes("scoring"));
  } catch {
    return [];
  }
}

async function ask<T>(child: ChildProcess, question: string): Promise<T> {
  const answer = new Promise<T>((resolve) => child.once("message", (message) => resolve(message as T)));
  child.send(question);
  return answer;
}

interface Measured {
  readonly rss: number;
  /** Resident memory of the scoring process. */
  readonly scoring: number;
  readonly heapUsed: number;
  readonly resources: readonly string[];
}

async function measure(child: ChildProcess): Promise<Measured> {
  const answer = await ask<Omit<Measured, "scoring">>(child, "measure");
  const [scoring] = childrenOf(child.pid as number);
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${scoring}/status`, "utf8"))?.[1];
  return { ...answer, scoring: 1024 * Number(resident) };
}

it(`${REQUESTS} requests, ${KILLS} times without its scoring process: no wrong answer, no growth, nothing left`, {
  timeout: 3_600_000,
}, async () => {
  const modelPath = await embeddedModelPath({ cacheFolder: folder, type: "f16" });
  const items: Item[] = Array.from({ length: 60 }, (_, i) => ({
    prompt: `Name ${i % 7} fruits${"!".repeat(i % 3)}`,
    response: `${i}: ${"an apple and ".repeat(i % 11)}a pear.`,
  }));
  const library = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  const results = await library.score(items);
  await library.close();
  const scores = new Map(items.map((item, i) => [item, results[i]?.score as number]));
  const behaviours = behavioursOf(scores);
  // Most requests are good ones.
  const names = [...Object.keys(behaviours), "one", "one", "one", "many", "slow"];

  const child = fork(join(import.meta.dirname, "soak-server.mjs"), [modelPath, KEY, String(MAX_BODY)], {
    execArgv: ["--expose-gc"],
  });
  server = child;
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const { url: base } = await new Promise<{ url: string }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { url: string }));
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}.`)));
  });
  const url = `${base}/v1/score`;

  const counts: Record<string, number> = {};
  let sent = 0;
  let killed = 0;
  let early: Measured | undefined;
  const client = async () => {
    while (sent < REQUESTS) {
      sent += 1;
      if (2 * KILLS * sent >= (killed + 1) * REQUESTS && killed < KILLS) {
        killed += 1;
        for (const scoring of childrenOf(child.pid as number)) process.kill(scoring, "SIGKILL");
      }
      const name = names[random(names.length)] as string;
      const outcome = await behaviours[name]?.(url);
      counts[`${name}: ${outcome}`] = (counts[`${name}: ${outcome}`] ?? 0) + 1;
    }
  };
  const clients = Array.from({ length: CONNECTIONS }, client);
  const watch = (async () => {
    while (sent < 0.55 * REQUESTS) await sleep(50);
    early = await measure(child);
  })();
  await Promise.all([...clients, watch]);
  agent.destroy();

  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  expect(total).toBe(sent);
  const late = await measure(child);
  const grown = (what: keyof typeof MOST_GROWTH) => late[what] - (early?.[what] ?? 0);
  const growth = { heapUsed: grown("heapUsed"), rss: grown("rss"), scoring: grown("scoring") };
  if (IS_SOAK) console.log(JSON.stringify({ counts, growth, late: { ...late, resources: late.resources.length } }));
  for (const [what, most] of Object.entries(MOST_GROWTH))
    expect(growth[what as keyof typeof growth], `${what} ${JSON.stringify(counts)}`).toBeLessThan(most);
  // No connection of a client is open any more.
  expect(late.resources.filter((name) => name === "TCPSocketWrap")).toEqual([]);
  const scoring = childrenOf(child.pid as number);
  await ask(child, "drain");
  expect(await ended).toBe(0);
  for (const pid of scoring) expect(() => process.kill(pid, 0)).toThrow();
});
