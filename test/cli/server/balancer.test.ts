/** Two `serve` behind HAProxy with examples/deploy/haproxy.cfg: the same bits from both, and no answer lost when one dies. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folder, jsonLines, parseLines, run, start, tiny } from "../run-cli.ts";
import { type Balancer, freePort, missingHaproxy, startBalancer, withHaproxy } from "./haproxy.ts";

const PROMPTS = 40;
const RESPONSES = ["An apple.", "Früchte: 🍎, 🍐.", "I hate you."];
const prompts = Array.from({ length: PROMPTS }, (_, i) => `Name fruit number ${i * 31}, and say élan.`);
const rows = prompts.flatMap((prompt) => RESPONSES.map((response) => ({ prompt, response })));

type Replica = "a" | "b";
const other = (name: Replica): Replica => (name === "a" ? "b" : "a");
/** The port of one, the socket of the other; different threads. */
const addresses: Record<Replica, string[]> = { a: [], b: ["--socket", join(folder, "b.sock")] };
const threads: Record<Replica, string> = { a: "1", b: "2" };
const replicas: Partial<Record<Replica, ChildProcessWithoutNullStreams>> = {};
let balancer: Balancer;
/** What the command line says of the rows, in their order. */
let expected: unknown[];

function serve(name: Replica): void {
  const options = ["--model", "tiny", "--gpu", "off", "--threads", threads[name], "--log-level", "warn"];
  const child = start(["serve", ...options, ...addresses[name]]);
  child.stdout.resume();
  child.stderr.resume();
  replicas[name] = child;
}

async function end(name: Replica, signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
  const child = replicas[name];
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
  const exit = once(child, "exit");
  child.kill(signal);
  return (await exit)[0];
}

interface Scored {
  readonly replica: Replica;
  readonly score: number;
}

async function score(index: number): Promise<Scored> {
  const body = JSON.stringify({ items: [rows[index]] });
  const response = await fetch(`${balancer.url}/v1/score`, { method: "POST", body });
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.anything()]);
  const { results } = JSON.parse(text) as { results: { score: number }[] };
  return { replica: response.headers.get("x-starling-rm-replica") as Replica, score: results[0]?.score as number };
}

/** All rows, each right; the replica of each prompt, "both" where two answered. */
async function scoreAll(connections: number): Promise<(Replica | "both" | undefined)[]> {
  const seen: (Replica | "both" | undefined)[] = new Array(PROMPTS).fill(undefined);
  let next = 0;
  const worker = async () => {
    while (next < rows.length) {
      const index = next++;
      const { replica, score: value } = await score(index);
      expect(value, `row ${index} at ${replica}`).toBe(expected[index]);
      const prompt = Math.floor(index / RESPONSES.length);
      const before = seen[prompt];
      seen[prompt] = before === undefined || before === replica ? replica : "both";
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return seen;
}

describe.skipIf(missingHaproxy !== undefined)(withHaproxy("two replicas behind HAProxy"), () => {
  beforeAll(async () => {
    addresses.a = ["--port", String(await freePort())];
    serve("a");
    serve("b");
    const scores = await run(["score", ...tiny, "--gpu", "off", "--input", "-"], jsonLines(rows));
    expected = parseLines(scores.stdout).map(({ score }) => score);
    expect(expected).toHaveLength(rows.length);
    balancer = await startBalancer(folder, { a: `127.0.0.1:${addresses.a[1]}`, b: `unix@${addresses.b[1]}` });
  });

  afterAll(async () => {
    await balancer?.stop();
    await Promise.all([end("a", "SIGKILL"), end("b", "SIGKILL")]);
  });

  it("answer with the bits of the command line, and each prompt stays with its replica", async () => {
    const homes = await scoreAll(16);
    expect(homes).not.toContain("both");
    expect(new Set(homes)).toEqual(new Set(["a", "b"]));
  });

  it.each([
    ["SIGKILL", "a"],
    ["SIGTERM", "b"],
  ] as const)("lose nothing when one gets %s under load and comes back", async (signal, name) => {
    const homes = await scoreAll(16);
    let load = true;
    const loaded = (async () => {
      const seen: (Replica | "both" | undefined)[][] = [];
      while (load) seen.push(await scoreAll(2));
      return seen;
    })();
    // Some of them are on their way.
    await score(0);
    const code = await end(name, signal);
    if (signal === "SIGTERM") expect(code).toBe(0);
    // Its prompts are answered by the other one, whose own stay.
    expect(await scoreAll(4)).toEqual(homes.map(() => other(name)));
    // HAProxy must have noticed, or it still takes the old one for healthy when the new one is being waited for.
    await balancer.healthy(1);
    serve(name);
    await balancer.healthy(2);
    load = false;
    for (const seen of await loaded)
      for (const [i, replica] of seen.entries()) if (homes[i] === other(name)) expect(replica).toBe(homes[i]);
    expect(await scoreAll(16)).toEqual(homes);
  });
});
