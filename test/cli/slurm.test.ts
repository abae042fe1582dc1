/** examples/deploy/slurm.sh, with the variables that Slurm sets, and a stand-in for scontrol. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, repository, run, tiny } from "./run-cli.ts";

const SCRIPT = join(repository, "examples", "deploy", "slurm.sh");
const MAIN = join(repository, "dist", "cli", "main.js");
const bash = spawnSync("bash", ["--version"]).error === undefined && process.platform !== "win32";
const shellcheck = spawnSync("shellcheck", ["--version"]).error === undefined;

/** Programs that a task finds first on its path. */
const bin = join(folder, "bin");
mkdirSync(bin);
function program(name: string, text: string): void {
  writeFileSync(join(bin, name), text);
  chmodSync(join(bin, name), 0o755);
}
const requeued = join(folder, "requeued.txt");
program("scontrol", `#!/bin/sh\necho "$*" >> '${requeued}'\n`);

interface Task {
  readonly id: number;
  readonly array: readonly [first: number, last: number];
  readonly environment?: Record<string, string>;
}

function task({ id, array: [first, last], environment = {} }: Task, args: readonly string[]): ChildProcess {
  return spawn("bash", [SCRIPT, ...args], {
    env: {
      ...{ ...process.env, PATH: `${bin}:${process.env["PATH"]}`, STARLING_RM_CACHE: join(folder, "cache") },
      ...{ STARLING_RM: `${process.execPath} ${MAIN}`, SLURM_ARRAY_JOB_ID: "77", SLURM_ARRAY_TASK_ID: String(id) },
      ...{ SLURM_ARRAY_TASK_MIN: String(first), SLURM_ARRAY_TASK_MAX: String(last), SLURM_CPUS_PER_TASK: "1" },
      ...environment,
    },
  });
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code, signal] = await once(child, "close");
  if (signal !== null) throw new Error(`${signal}\n${said}`);
  return code;
}

it.skipIf(!shellcheck)(`has no fault that shellcheck finds${shellcheck ? "" : " (skipped: not installed)"}`, () => {
  execFileSync("shellcheck", [SCRIPT], { encoding: "utf8" });
});

describe.skipIf(!bash)(`a Slurm array task${bash ? "" : " (skipped: no bash)"}`, () => {
  it("does its share of the files", async () => {
    const input = join(folder, "data");
    const output = join(folder, "scores");
    mkdirSync(input);
    const names = ["a.jsonl", "b.jsonl", "c.jsonl"];
    const rows = names.map((_, i) => [0, 1].map((j) => ({ prompt: `Fruit ${i}?`, response: `Apple ${j}.` })));
    for (const [i, name] of names.entries()) writeFileSync(join(input, name), jsonLines(rows[i] ?? []));
    const args = ["--model", "tiny", "--gpu", "off", "--input", input, "--output", `${output}/`];
    const codes = [1, 2].map((id) => codeOf(task({ id, array: [1, 2] }, args)));
    expect(await Promise.all(codes)).toEqual([0, 0]);
    const whole = await run(["score", ...tiny, "--gpu", "off", "--input", "-"], jsonLines(rows.flat()));
    const scores = names.flatMap((name) => parseLines(readFileSync(join(output, name), "utf8")));
    expect(scores.map(({ score }) => score)).toEqual(parseLines(whole.stdout).map(({ score }) => score));
    expect(readdirSync(output).filter((name) => name.endsWith(".jsonl"))).toEqual(names);
    expect(existsSync(requeued)).toBe(false);
  });

  /** Runs until it is told to end, or until a signal of its own. */
  const waits = (signal: string) => {
    const started = file(`${signal}-started.txt`, "");
    program(
      "program",
      `#!/usr/bin/env bash\ntrap 'exit 143' TERM\necho "$@" > '${started}'\nwhile true; do sleep 0.05; done\n`,
    );
    return async () => {
      while (readFileSync(started, "utf8") === "")
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      return readFileSync(started, "utf8");
    };
  };

  it.each([
    ["USR1", "requeue 77_4\n"],
    ["TERM", ""],
  ] as const)("ends its program on %s", async (signal, expected) => {
    writeFileSync(requeued, "");
    const started = waits(signal);
    const child = task({ id: 4, array: [0, 7], environment: { STARLING_RM: "program", COMMAND: "rank" } }, [
      "--x",
      "a b",
    ]);
    const code = codeOf(child);
    expect(await started()).toBe("rank --x a b --shard 5/8 --threads 1\n");
    child.kill(`SIG${signal}`);
    expect(await code).toBe(143);
    expect(readFileSync(requeued, "utf8")).toBe(expected);
  });

  it.each([
    ["kill -KILL $$", 0, 137, "requeue 77_1\n"],
    ["kill -KILL $$", 3, 137, ""],
    ["exit 1", 0, 1, ""],
    ["exit 2", 0, 2, ""],
  ] as const)(
    "is put back where its program was killed: %s after %i restarts",
    async (end, restarts, code, expected) => {
      writeFileSync(requeued, "");
      program("ends", `#!/usr/bin/env bash\n${end}\n`);
      const environment = { STARLING_RM: "ends", ...(restarts === 0 ? {} : { SLURM_RESTART_COUNT: String(restarts) }) };
      expect(await codeOf(task({ id: 1, array: [1, 2], environment }, []))).toBe(code);
      expect(readFileSync(requeued, "utf8")).toBe(expected);
    },
  );

  it("says how to submit it where it runs outside of an array", () => {
    const environment: NodeJS.ProcessEnv = { ...process.env };
    delete environment["SLURM_ARRAY_TASK_ID"];
    const { status, stderr } = spawnSync("bash", [SCRIPT], { encoding: "utf8", env: environment });
    expect(status).not.toBe(0);
    expect(stderr).toContain("sbatch --array=1-N slurm.sh");
  });
});
