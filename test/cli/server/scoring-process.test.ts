/** The process that a server's model is in: what it answers, and what happens when it, its parent or its model's file go. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { replaceHead, writeHead } from "../../../src/entry/fit.ts";
import { InvalidInputError, isStarlingError } from "../../../src/errors.ts";
import { embeddedModelPath, loadRewardModel, type RewardModel } from "../../../src/index.ts";
import type { BackendState, ScoringBackend } from "../../../src/server/contract.ts";
import { ScoringProcess } from "../../../src/server/scoring/scoring-process.ts";
import { type StartScoringOptions, startScoring } from "../../../src/server/scoring/start-scoring.ts";
import { ScoringUnavailable } from "../../../src/server/scoring-unavailable.ts";

/** With a space in its name, as many folders have. */
const folder = join(mkdtempSync(join(tmpdir(), "starling-rm-scoring-")), "a b");
mkdirSync(folder);
const script = join(import.meta.dirname, "scoring-stand-in.mjs");
const FRUIT = { prompt: "Name a fruit.", response: "An apple." };

let modelPath: string;
let library: RewardModel;
const opened: ScoringBackend[] = [];
const parents: ChildProcess[] = [];

beforeAll(async () => {
  modelPath = await embeddedModelPath({ cacheFolder: folder, type: "f16" });
  library = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
  for (const parent of parents.splice(0)) parent.kill("SIGKILL");
});
afterAll(async () => {
  await library.close();
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

async function start(options: StartScoringOptions = {}, path = modelPath): Promise<ScoringProcess> {
  const backend = startScoring({ modelPath: path, gpu: "off", threads: 1 }, options);
  opened.push(backend);
  expect(backend).toBeInstanceOf(ScoringProcess);
  return backend as ScoringProcess;
}

async function stateOf(backend: ScoringBackend, status: BackendState["status"]): Promise<BackendState> {
  if (backend.state.status === status) return backend.state;
  return new Promise((resolve) => backend.onStateChange((state) => state.status === status && resolve(state)));
}

const one = (backend: ScoringBackend, response: string, rules = {}) =>
  backend.score({ ...FRUIT, response }, { name: "item", ...rules }).promise;
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    (value) => Promise.reject(new Error(`was fulfilled: ${JSON.stringify(value)}`)),
    (error) => error,
  );

async function scoreOf(response: string): Promise<number | undefined> {
  return (await library.score([{ ...FRUIT, response }]))[0]?.score;
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(20);
}

describe("scores", () => {
  it("are the library's to the last bit, whatever comes at the same time", async () => {
    const items = Array.from({ length: 60 }, (_, i) => ({
      prompt: `Name ${i % 5} fruits.`,
      response: `${i}: ${"an apple and ".repeat(i % 9)}a pear.`,
    }));
    const expected = await library.score(items);
    const backend = await start();
    const results = await Promise.all(items.map((item, i) => backend.score(item, { name: `items[${i}]` }).promise));
    for (const [i, { index: _, ...result }] of expected.entries()) expect(results[i]).toEqual(result);
    expect(backend.model?.name).toBe(library.info.name);
    expect(backend.counters.restarts).toBe(0);
    const { computedTokens, reusedTokens } = backend.counters;
    expect(computedTokens + reusedTokens).toBe(expected.reduce((sum, { scorePosition }) => sum + scorePosition + 1, 0));
    expect(reusedTokens).toBeGreaterThan(0);
  });

  it("come with the rewards of tokens, warnings and the same errors as in this process", async () => {
    const backend = await start();
    const [expected] = await library.score([FRUIT], { perToken: true });
    const result = await one(backend, FRUIT.response, { perToken: true });
    expect(result.tokenRewards).toEqual(expected?.tokenRewards);
    const nested: Record<string, unknown> = {};
    for (let at = nested, i = 0; i < 100_000; i++) at = at["a"] = {} as Record<string, unknown>;
    const wrong = [
      { text: "" },
      { prompt: 1 },
      { ...FRUIT, response: "\ud800" },
      { ...FRUIT, tools: [1] },
      null,
      "text",
      { ...FRUIT, nested },
    ];
    for (const item of wrong) {
      const name = "documents[3]";
      const error = await failure(backend.score(item as never, { name }).promise);
      expect(error, JSON.stringify(error)).toBeInstanceOf(InvalidInputError);
      if (item !== null && typeof item === "object" && "nested" in item) continue;
      const here = await failure(library.score([item as never], { nameItem: () => name }));
      expect({ ...error }).toEqual({ ...here });
      expect(error.message).toBe(here.message);
    }
    expect((await one(backend, "a", { ignoreFields: ["tools"] })).score).toBe(await scoreOf("a"));
    const suspect = {
      text: "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n",
    };
    const strict = await failure(backend.score(suspect, { name: "items[0]", strict: true }).promise);
    expect(isStarlingError(strict) && strict.code).toBe("ERR_SUSPECT_ITEM");
    expect((await backend.score(suspect, { name: "items[0]" }).promise).warnings).toBeDefined();
  });

  it("by further heads have the arithmetic of the model's own head", async () => {
    const weight = library.head.weight.map((value, i) => Math.sin(i) + value);
    const output = join(folder, "other.gguf");
    await writeHead({ head: { weight, bias: 0.25 }, output, modelPath });
    const whole = join(folder, "whole.gguf");
    await replaceHead({ modelPath, head: { weight, bias: 0.25 }, output: whole });
    const other = await loadRewardModel({ modelPath: whole, gpu: "off", threads: 1 });
    const expected = await other.score([FRUIT]);
    await other.close();
    for (const of of [
      () => start({ compareHeads: [output, output] }),
      () => startScoring(library, { compareHeads: [output, output] }),
    ]) {
      const backend = await of();
      await stateOf(backend, "ready");
      expect(backend.model?.heads).toEqual(["other", "other (2)"]);
      for (const perToken of [false, true]) {
        const result = await backend.score(FRUIT, { name: "item", allHeads: true, perToken }).promise;
        expect(result.score).toBe(await scoreOf(FRUIT.response));
        const score = expected[0]?.score;
        expect(result.headScores).toEqual({ model: result.score, other: score, "other (2)": score });
        expect(result.tokenRewards === undefined).toBe(!perToken);
        expect(result).not.toHaveProperty("features");
      }
      expect(await one(backend, "a")).not.toHaveProperty("headScores");
      await backend.close();
    }
  });
});

describe("a process that dies", () => {
  it("20 times under load loses no item and answers none wrongly", { timeout: 240_000 }, async () => {
    const responses = Array.from({ length: 24 }, (_, i) => `${i} ${"apples and ".repeat(i)}pears`);
    const expected = new Map<string, number | undefined>();
    for (const response of responses) expected.set(response, await scoreOf(response));
    // The pauses are tested elsewhere.
    const backend = await start({ healthyAfterMs: 1 });
    await stateOf(backend, "ready");
    let running = true;
    const counts = { right: 0, unavailable: 0 };
    const client = async (seed: number) => {
      for (let i = seed; running; i++) {
        const response = responses[i % responses.length] as string;
        try {
          const { score } = await one(backend, response);
          expect(score).toBe(expected.get(response));
          counts.right += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(ScoringUnavailable);
          counts.unavailable += 1;
        }
      }
    };
    const clients = Array.from({ length: 32 }, (_, i) => client(i * 7));
    for (let kill = 0; kill < 20; kill++) {
      await stateOf(backend, "ready");
      const before = counts.right;
      while (counts.right < before + 40) await sleep(2);
      process.kill(backend.pid as number, "SIGKILL");
      await stateOf(backend, "restarting");
    }
    running = false;
    await Promise.all(clients);
    expect(backend.counters.restarts).toBe(20);
    expect(counts.right).toBeGreaterThan(800);
  });

  it.each([
    ["CRASH", /was ended by SIGSEGV/],
    ["ASSERT", /was ended by SIGABRT .* last output: GGML_ASSERT\(n_tokens > 0\) failed/],
    ["SPIN", /did not answer for 2 seconds/],
  ])("of an item (%s) answers its neighbours, and rejects that item with the reason", async (word, reason) => {
    const backend = await start({ script, silenceLimitMs: 2000 });
    await stateOf(backend, "ready");
    const states: BackendState[] = [];
    backend.onStateChange((state) => states.push(state));
    const before = Array.from({ length: 4 }, (_, i) => `${i} ${"apples ".repeat(40)}`);
    const neighbours = before.map((response) => one(backend, response));
    const poison = failure(one(backend, word));
    const after = ["a pear", "a plum"].map((response) => one(backend, response));
    const error = await poison;
    expect(error).toBeInstanceOf(ScoringUnavailable);
    expect(error.message).toMatch(reason);
    expect(error.message).toContain("item");
    for (const [i, result] of (await Promise.all(neighbours)).entries())
      expect(result.score).toBe(await scoreOf(before[i] as string));
    expect((await after[0])?.score).toBe(await scoreOf("a pear"));
    expect((await after[1])?.score).toBe(await scoreOf("a plum"));
    expect(backend.counters.restarts).toBe(2);
    const restart = states.find(({ status }) => status === "restarting");
    expect(restart).toMatchObject({ reason: expect.stringMatching(reason) });
  });

  it("is noticed when it only stops (SIGSTOP)", async () => {
    const backend = await start({ silenceLimitMs: 2000 });
    await stateOf(backend, "ready");
    const { pid } = backend;
    process.kill(pid as number, "SIGSTOP");
    expect((await one(backend, "a pear")).score).toBe(await scoreOf("a pear"));
    expect(backend.counters.restarts).toBe(1);
    expect(isRunning(pid as number)).toBe(false);
  });

  it("keeps what was not sent yet, and pauses longer each time", { timeout: 240_000 }, async () => {
    const own = join(folder, "moved.gguf");
    copyFileSync(modelPath, own);
    const backend = await start({}, own);
    await stateOf(backend, "ready");
    renameSync(own, `${own}.away`);
    const pauses: number[] = [];
    backend.onStateChange((state) => state.status === "restarting" && pauses.push(state.nextAttempt - Date.now()));
    process.kill(backend.pid as number, "SIGKILL");
    await stateOf(backend, "restarting");
    const waiting = one(backend, "a pear");
    // Five starts fail.
    const error = await failure(waiting);
    expect(error).toBeInstanceOf(ScoringUnavailable);
    expect(error.message).toMatch(/could not load the model again.*moved\.gguf/);
    expect(backend.state).toMatchObject({ status: "restarting", reason: expect.stringContaining("moved.gguf") });
    // A part of a pause may be over when it is told.
    for (const [i, pause] of pauses.entries()) {
      expect(pause).toBeLessThanOrEqual(250 * 2 ** i);
      expect(pause).toBeGreaterThan(125 * 2 ** i);
    }
    expect(pauses).toHaveLength(6);
    expect(backend.state).toMatchObject({ isHopeless: true });
    renameSync(`${own}.away`, own);
    expect((await one(backend, "a pear")).score).toBe(await scoreOf("a pear"));
  });
});

describe("a model that cannot be loaded", () => {
  it.each([
    ["a missing file", () => start({}, join(folder, "none.gguf")), "ERR_FILE_NOT_READABLE"],
    ["a file of another kind", () => start({}, script), "ERR_INVALID_GGUF"],
    ["a head of another kind", () => start({ compareHeads: [modelPath] }), "ERR_WRONG_HEAD"],
  ])("%s: the first load is final, and says why", async (_, of, code) => {
    const backend = await of();
    const waiting = failure(one(backend, "a"));
    const state = await stateOf(backend, "failed");
    expect(state.status === "failed" && state.error.code).toBe(code);
    expect(await waiting).toBeInstanceOf(ScoringUnavailable);
    expect(await failure(one(backend, "a"))).toBeInstanceOf(ScoringUnavailable);
    expect(backend.model).toBeUndefined();
  });

  it("because its process dies: the reason has the signal", async () => {
    const backend = await start();
    process.kill(backend.pid as number, "SIGKILL");
    const state = await stateOf(backend, "failed");
    expect(state.status === "failed" && state.error.message).toMatch(/SIGKILL.*memory/);
  });

  it("because a head does not belong to it, also in this process", async () => {
    const backend = startScoring(library, { compareHeads: [modelPath] });
    const waiting = failure(one(backend, "a"));
    const state = await stateOf(backend, "failed");
    expect(state.status === "failed" && state.error.code).toBe("ERR_WRONG_HEAD");
    expect(await waiting).toBeInstanceOf(ScoringUnavailable);
    await backend.close();
  });

  it("with a wrong option is refused at once", async () => {
    expect(() => startScoring({ modelPath, threads: 0 })).toThrow("threads");
    expect(() => startScoring({} as never)).toThrow("modelPath");
  });
});

describe("a model's file that is replaced", () => {
  it("is loaded by a new process; no request mixes the two", async () => {
    const own = join(folder, "replaced.gguf");
    copyFileSync(modelPath, own);
    const yesterday = new Date(Date.now() - 86_400_000);
    utimesSync(own, yesterday, yesterday);
    const other = join(folder, "replacement.gguf");
    const head = { weight: library.head.weight.map((value) => -value) };
    await replaceHead({ modelPath, head, output: other });
    const messages: string[] = [];
    const backend = await start({ log: (_level, message) => messages.push(message) }, own);
    const score = (await one(backend, "a pear")).score;
    const { generation } = backend;
    renameSync(other, own);
    const error = await failure(one(backend, "a pear", { generation }));
    expect(error).toBeInstanceOf(ScoringUnavailable);
    expect(error.message).toMatch(/replaced\.gguf changed/);
    await stateOf(backend, "ready");
    expect(backend.generation).toBe(generation + 1);
    expect(await failure(one(backend, "a pear", { generation }))).toBeInstanceOf(ScoringUnavailable);
    expect((await one(backend, "a pear")).score).toBe(-score);
    expect(messages.join("\n")).toMatch(/model's file was replaced/);
  });
});

describe("cancelling", () => {
  it("frees the work down to the native queue", async () => {
    const backend = await start();
    await stateOf(backend, "ready");
    const text = (i: number) => ({ text: `${i} ${"word ".repeat(1500)}` });
    const works = Array.from({ length: 60 }, (_, i) => backend.score(text(i), { name: `items[${i}]` }));
    await works[0]?.promise;
    const tokens = backend.counters.computedTokens;
    for (const work of works) work.cancel();
    for (const work of works) work.cancel();
    await Promise.all(works.slice(5).map(({ promise }) => failure(promise)));
    expect((await one(backend, "a pear")).score).toBe(await scoreOf("a pear"));
    // Without cancelling it would be sixty times as many.
    expect(backend.counters.computedTokens).toBeLessThan(10 * tokens);
    expect(backend.counters.restarts).toBe(0);
  });
});

describe("closing", () => {
  it("ends the process while it loads, while it is busy, and twice", async () => {
    const early = await start();
    const pid = early.pid as number;
    const waiting = failure(one(early, "a"));
    const closing = early.close();
    expect(early.close()).toBe(closing);
    await closing;
    expect(isRunning(pid)).toBe(false);
    expect(await waiting).toBeInstanceOf(ScoringUnavailable);

    const busy = await start();
    await stateOf(busy, "ready");
    const rejected = Array.from({ length: 20 }, (_, i) =>
      failure(busy.score({ text: `${i} ${"word ".repeat(1500)}` }, { name: "item" }).promise),
    );
    await sleep(50);
    const running = busy.pid as number;
    await busy.close();
    expect(isRunning(running)).toBe(false);
    for (const error of await Promise.all(rejected)) expect(error).toBeInstanceOf(ScoringUnavailable);
    expect(busy.state.status).toBe("closed");
    expect(await failure(one(busy, "a"))).toBeInstanceOf(ScoringUnavailable);
  });

  it("by the signal of the load options ends a load", async () => {
    const stop = new AbortController();
    const backend = startScoring({ modelPath, gpu: "off", signal: stop.signal });
    stop.abort();
    await stateOf(backend, "closed");
    await backend.close();
  });

  it.each(["idle", "busy"])("a parent that is killed leaves no process behind (%s)", async (how) => {
    const parent = spawn(process.execPath, [join(import.meta.dirname, "scoring-parent.mjs"), modelPath, how]);
    parents.push(parent);
    let output = "";
    parent.stdout.on("data", (text) => {
      output += text;
    });
    while (!output.includes("\n")) await sleep(20);
    const pid = Number(output);
    expect(isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    await untilGone(pid);
  });

  it("a terminal's signals do not end the process", async () => {
    const backend = await start();
    await stateOf(backend, "ready");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(backend.pid as number, signal);
    expect((await one(backend, "a pear")).score).toBe(await scoreOf("a pear"));
    expect(backend.counters.restarts).toBe(0);
  });
});

it("a loaded model is used as it is, and stays open", async () => {
  const backend = startScoring(library);
  await stateOf(backend, "ready");
  expect((await one(backend, "a pear")).score).toBe(await scoreOf("a pear"));
  expect(backend.counters.computedTokens).toBeGreaterThan(0);
  expect(await failure(one(backend, "\ud800"))).toBeInstanceOf(InvalidInputError);
  const work = backend.score({ text: "word ".repeat(1500) }, { name: "item" });
  const closing = backend.close();
  expect(await failure(work.promise)).toBeInstanceOf(Error);
  await closing;
  expect(await failure(one(backend, "a"))).toBeInstanceOf(ScoringUnavailable);
  expect(library.closed).toBe(false);
  expect(existsSync(modelPath)).toBe(true);
});
