/** Ctrl-C and SIGTERM end the process within a second, whatever it waits for, and leave nothing half-made. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCheckpoint } from "../made-checkpoint.ts";
import { expectWithin, file, folder, jsonLines, repository, run, start } from "./run-cli.ts";

const embedded = join(repository, "models", "starling-rm-tiny");
const pipe = join(folder, "pipe");
const outputs = join(folder, "outputs");
const output = join(outputs, "made.gguf");
const checkpoint = join(folder, "checkpoint");
const f16 = join(folder, "large.f16.gguf");
const rows = file(
  "rows.jsonl",
  jsonLines(Array.from({ length: 3000 }, (_, i) => ({ text: `${i} ${"a b c ".repeat(300)}` }))),
);
const pairs = file(
  "pairs.jsonl",
  jsonLines(
    Array.from({ length: 3000 }, (_, i) => ({ prompt: `${i} ${"a b ".repeat(300)}`, chosen: "yes", rejected: "no" })),
  ),
);

/** A hub that takes every question and answers none. */
let hub: Server;
let environment: Record<string, string>;
let writer: number;

beforeAll(async () => {
  hub = createServer(() => {}).listen(0, "127.0.0.1");
  await once(hub, "listening");
  environment = {
    HF_ENDPOINT: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
    HF_HUB_CACHE: join(folder, "hub"),
  };
  mkdirSync(outputs);
  for (const path of [pipe, `${pipe}-silent`]) spawnSync("mkfifo", [path]);
  // There is a writer, which never writes.
  writer = openSync(`${pipe}-silent`, constants.O_RDWR);
  makeCheckpoint(checkpoint, { hidden: 1024, feedForward: 2816, layers: 12, heads: 8, keyValueHeads: 2 });
  expect((await run(["convert", checkpoint, "-o", f16, "--type", "f16"])).code).toBe(0);
  expect((await run(["inspect", "tiny"])).code).toBe(0);
});
afterAll(() => {
  closeSync(writer);
  hub.closeAllConnections();
  hub.close();
});

const tiny = ["--model", "tiny", "--threads", "1"];
const large = ["--model", f16, "--threads", "1"];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Commands, and the milliseconds after which they are in the midst of it. */
const waiting: Readonly<Record<string, readonly [number, readonly string[]]>> = {
  "a pipe that nobody writes to, scored": [800, ["score", ...tiny, "--input", pipe]],
  "a pipe that nobody writes to, ranked": [800, ["rank", ...tiny, "--input", pipe]],
  "a pipe that nobody writes to, tokenized": [800, ["tokenize", "--model", "tiny", "--input", pipe]],
  "a pipe whose writer is silent": [800, ["score", ...tiny, "--input", `${pipe}-silent`]],
  "a pipe that nobody reads": [800, ["score", ...tiny, "--text", "a", "--output", pipe]],
  "standard input that does not end": [800, ["score", ...tiny, "--input", "-"]],
  "a hub's list, to pull": [600, ["pull", "a/b"]],
  "a hub's list, to convert": [600, ["convert", "hf:a/b", "-o", output]],
  "a hub's list, for a tokenizer": [600, ["convert", embedded, "--tokenizer", "hf:a/b", "-o", output]],
  "a hub's list, to pull and convert": [600, ["pull", "a/b", "--type", "f16", "-o", output]],
  "a hub's list, to inspect": [600, ["inspect", "hf:a/b"]],
  "a hub's list, to evaluate": [600, ["eval", "human", ...tiny]],
  "a hub's list, to fit": [600, ["fit", ...tiny, "--input", "hf:a/b", "--output", output]],
  "a model that is loaded": [450, ["score", ...large, "--text", "a"]],
  "rows that are scored": [
    1500,
    ["score", ...large, "--input", rows, "--output", join(folder, "scored.jsonl"), "--force"],
  ],
  "rows that are evaluated": [1500, ["eval", "pairs", ...large, "--input", pairs]],
  "features that are computed": [1500, ["fit", ...large, "--input", pairs, "--output", output]],
  "tensors that are converted": [800, ["convert", checkpoint, "-o", output, "--type", "q6_k"]],
  "tensors that are quantised": [800, ["quantize", f16, "-o", output, "--type", "q3_k_m", "--threads", "1"]],
  "drivers that are tried": [300, ["doctor"]],
};

async function stopped(child: ChildProcess, after: number, signal: NodeJS.Signals): Promise<[unknown, number, string]> {
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  child.stdout?.resume();
  const exit = once(child, "exit");
  await pause(after);
  const began = performance.now();
  child.kill(signal);
  const [code, by] = await exit;
  return [code ?? by, performance.now() - began, said];
}

const signals = [
  ["SIGINT", 130, "Ctrl-C"],
  ["SIGTERM", 143, "SIGTERM"],
] as const;

describe.skipIf(process.platform === "win32")("a signal stops what waits for", () => {
  it.each(Object.keys(waiting).map((name, i) => [name, ...(signals[i % 2] as (typeof signals)[number])] as const))(
    "%s (%s)",
    { timeout: 90_000 },
    async (name, signal, expected, shown) => {
      const [after, args] = waiting[name] as (typeof waiting)[string];
      let [wait, early, late] = [after, 0, 4 * after];
      await expectWithin(1000, async () => {
        for (let tries = 0; ; tries++) {
          const [code, taken, said] = await stopped(start(args, environment), wait, signal);
          expect(readdirSync(outputs).filter((file) => file !== "made.gguf")).toEqual([]);
          rmSync(output, { force: true });
          if (code === expected) {
            expect(said).toContain(`stopped by ${shown}\n`);
            return taken;
          }
          // A slow machine sees the signal before there is anything to stop, a fast one after the end.
          expect([0, signal]).toContain(code);
          expect(tries).toBeLessThan(40);
          if (code === signal) early = wait;
          else late = wait;
          // The load of the machine changes: a moment that was too late may come to be too early.
          if (late - early < 10) [early, late] = [0.8 * early, 1.3 * late];
          wait = (early + late) / 2;
        }
      });
    },
  );
});

describe.skipIf(process.platform === "win32")("a thread that nothing can stop", () => {
  /** Opens a pipe as no command does: a thread of libuv's pool waits inside the system. */
  const script = (addon: boolean) => `
    import { open, writeSync } from "node:fs";
    process.on("exit", (code) => writeSync(1, "told " + code));
    import { endProcess } from ${JSON.stringify(join(repository, "dist", "src", "end-process.js"))};
    import { loadTokenizer } from ${JSON.stringify(join(repository, "dist", "src", "index.js"))};
    ${addon ? `await loadTokenizer({ modelPath: ${JSON.stringify(f16)} });` : ""}
    open(${JSON.stringify(pipe)}, "r", () => {});
    process.on("SIGTERM", () => {});
    setTimeout(() => void endProcess(143, "SIGTERM"), 100);
  `;

  it.each([
    ["with an addon that nobody has loaded", false, 143],
    ["with the addon", true, 143],
  ] as const)("does not keep the process: %s", async (_, addon, expected) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script(addon)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const told: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => told.push(chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [code, by] = await once(child, "close");
    clearTimeout(timer);
    expect(code ?? by).toBe(expected);
    // Whoever has child processes ends them then.
    expect(Buffer.concat(told).toString()).toBe("told 143");
  });

  it("a second Ctrl-C is obeyed at once", async () => {
    await expectWithin(500, async () => {
      const child = start(["quantize", f16, "-o", output, "--type", "q3_k_m", "--threads", "1"]);
      const exit = once(child, "exit");
      child.stderr.resume();
      while (child.exitCode === null && !readdirSync(outputs).some((name) => name.endsWith(".partial"))) await pause(5);
      await pause(200);
      child.kill("SIGINT");
      await pause(20);
      const began = performance.now();
      child.kill("SIGINT");
      const [code, by] = await exit;
      expect([130, "SIGINT"]).toContain(code ?? by);
      expect(readdirSync(outputs).filter((name) => name.startsWith("."))).toEqual([]);
      return performance.now() - began;
    });
  });

  it("is not made by a pipe in the place of a model, a checkpoint or one of its files", async () => {
    const odd = join(folder, "odd");
    mkdirSync(odd);
    spawnSync("mkfifo", [join(odd, "config.json"), join(odd, "tokenizer.json")]);
    for (const args of [
      ["inspect", pipe],
      ["score", "--model", pipe, "--text", "a"],
      ["score", ...tiny, "--head", pipe, "--text", "a"],
      ["convert", pipe, "-o", output],
      ["convert", odd, "-o", output],
      ["convert", embedded, "--tokenizer", odd, "-o", output],
      ["quantize", pipe, "-o", output, "--type", "q8_0"],
      ["eval", "pairs", ...tiny, "--input", pipe],
      ["doctor", "--model", pipe],
    ]) {
      const child = start(args);
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      child.stdout.resume();
      child.stderr.resume();
      const [code, by] = await once(child, "exit");
      clearTimeout(timer);
      expect([args, code ?? by]).toEqual([args, args[0] === "doctor" ? 1 : 2]);
    }
    expect(existsSync(output)).toBe(false);
  });
});
