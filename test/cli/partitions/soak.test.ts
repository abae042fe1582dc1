/**
 * Processes that share a folder and are killed at any moment: in the end every output has the bytes of an undisturbed run. Some
 * kills among the tests, 60 with `npm run soak`, or as many as STARLING_RM_PARTITION_KILLS says.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { randomOf } from "../../random.ts";
import { folder, jsonLines, run, start, tiny } from "../run-cli.ts";

const KILLS = Number(
  process.env["STARLING_RM_PARTITION_KILLS"] ?? (process.env["npm_lifecycle_event"] === "soak" ? 60 : 6),
);
const PARTITIONS = 8;
const ROWS = 40;
/** Later than this, a process is not killed at random but left to end. */
const LONGEST_MS = 1500;
const input = join(folder, "soak-in");
const whole = join(folder, "soak-whole");
const random = randomOf(23);
const children = new Set<ChildProcess>();

beforeAll(async () => {
  for (let i = 0; i < PARTITIONS; i++) {
    const name = join(
      input,
      i % 2 === 0 ? "." : "sub",
      `part ${i}.${["jsonl", "csv", "jsonl.gz"][i % 3]?.slice(0, 5)}`,
    );
    mkdirSync(join(name, ".."), { recursive: true });
    const rows = Array.from({ length: ROWS }, (_, row) => ({
      prompt: `Question ${i} ${row}?`,
      response: `Answer ${row}.`,
    }));
    const csv = ["prompt,response", ...rows.map(({ prompt, response }) => `${prompt},${response}`), ""].join("\n");
    writeFileSync(name, name.endsWith("csv") ? csv : jsonLines(rows));
  }
  const { code, stderr } = await run(["score", ...tiny, "--input", input, "--output", `${whole}/`]);
  expect(stderr).toContain(`${PARTITIONS} partitions`);
  expect(code).toBe(0);
}, 120_000);
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

const names = (at: string) =>
  readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(at.length + 1))
    .sort();

function contents(at: string): Record<string, string> {
  const outputs = names(at).filter((name) => !/(?:\.manifest|_PARTITIONS)$/.test(name));
  return Object.fromEntries(outputs.map((name) => [name, readFileSync(join(at, name)).toString("base64")]));
}

function begin(output: string, more: readonly string[]): ChildProcess {
  const child = start(["score", ...tiny, "--quiet", "--input", input, "--output", `${output}/`, ...more]);
  child.stdout.resume();
  child.stderr.resume();
  child.stdin.end();
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

/** Kills it as soon as an output appears, before or while its manifest does; else after a random time. */
async function killSomewhere(child: ChildProcess, output: string): Promise<boolean> {
  const closed = once(child, "close");
  if (random(3) === 0 && existsSync(output)) {
    const watcher = watch(output, (_, name) => {
      if (name !== null && /^part/.test(name)) child.kill("SIGKILL");
    });
    await Promise.race([closed, sleep(LONGEST_MS)]);
    watcher.close();
  } else await Promise.race([closed, sleep(random(LONGEST_MS))]);
  child.kill("SIGKILL");
  await closed;
  return child.signalCode === "SIGKILL";
}

it(`ends in the same bytes after ${KILLS} kills`, { timeout: 60_000 + KILLS * 10_000 }, async () => {
  let [kills, rounds] = [0, 0];
  while (kills < KILLS) {
    rounds += 1;
    const output = join(folder, `soak-${rounds}`);
    // Three in four rounds, two processes share the folder.
    const shares =
      [
        [[]],
        [[], []],
        [
          ["--shard", "1/2"],
          ["--shard", "2/2"],
        ],
        [[], ["--shard", "2/2"]],
      ][rounds % 4] ?? [];
    for (let tries = 0; tries < 3 && kills < KILLS; tries++) {
      const killed = await Promise.all(shares.map((more) => killSomewhere(begin(output, more), output)));
      kills += killed.filter(Boolean).length;
      // What is there under its own name with a manifest is whole, at any time.
      for (const name of existsSync(output) ? names(output).filter((one) => one.endsWith(".manifest")) : []) {
        const { output: record, partition } = JSON.parse(readFileSync(join(output, name), "utf8"));
        const bytes = readFileSync(join(output, record.name));
        if (statSync(join(output, record.name)).size === record.bytes)
          expect(bytes.equals(readFileSync(join(whole, record.name))), partition).toBe(true);
      }
    }
    const ends = await Promise.all(shares.map((more) => once(begin(output, more), "close")));
    expect(ends.map(([code]) => code)).toEqual(shares.map(() => 0));
    expect((await run(["score", ...tiny, "--input", input, "--output", `${output}/`])).code).toBe(0);
    expect(names(output).filter((name) => /(?:^|\/)\./.test(name))).toEqual([]);
    expect(contents(output)).toEqual(contents(whole));
    const check = await run(["score", "--input", input, "--output", `${output}/`, "--check", "--json"]);
    expect(JSON.parse(check.stdout)).toMatchObject({
      ok: true,
      rows: PARTITIONS * ROWS,
      states: { whole: PARTITIONS },
    });
    rmSync(output, { recursive: true });
  }
  console.log(`${kills} kills in ${rounds} folders`);
});
