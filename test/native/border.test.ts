/** The border between JS and the addon: whatever is called with whatever, and whatever runs out, the process lives on. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folder, makeModel, openAddon, removeFolder, runChild } from "./support.ts";

let model: string;
beforeAll(async () => {
  model = await makeModel(await openAddon());
});
afterAll(removeFolder);

const script = fileURLToPath(new URL("border-child.mjs", import.meta.url));
/** With little memory V8 may be the one that finds none, for a heap page of its own, and ends the process: then it is tried again. */
const MAX_TRIES = 5;
const V8_ENDED =
  /^(?:FATAL ERROR: .*(?:JavaScript heap out of memory|Allocation failed)|.*Fatal process out of memory)/m;

function run(scenario: string): ReturnType<typeof runChild> {
  for (let tries = 1; ; tries++) {
    const result = runChild(scenario, { model, output: join(folder, "quantized.gguf") }, script);
    if (tries === MAX_TRIES || result.signal !== "SIGABRT" || !V8_ENDED.test(String(result.stderr))) return result;
  }
}

/** What became of each call, by its name; the process must have come to its end. */
function outcomes(scenario: string): Map<string, string> {
  const { status, signal, stdout, stderr } = run(scenario);
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  const lines = stdout.trim().split("\n");
  expect(lines.at(-1)).toBe("end");
  return new Map(
    lines.slice(0, -1).map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
  );
}

/** Linux has a limit for the address space of a running process, and util-linux the command that sets it. */
const cannotLimitMemory =
  process.platform !== "linux" || spawnSync("prlimit", ["--version"], { stdio: "ignore" }).status !== 0;

describe("calls before a runtime is open", () => {
  it("are errors in words where they need llama.cpp", () => {
    const found = outcomes("beforeARuntime");
    for (const name of ["checkDevices", "checkKernels", "bindPrefill", "loadModel", "quantize", "quantizeRows"])
      expect(found.get(name), name).toBe("Error: No llama.cpp runtime is open: call openRuntime first.");
    for (const name of ["currentRuntime", "planPrefixes", "prefillKernels", "encode"])
      expect(found.get(name), name).toBe("returned");
  });

  it("may have any arguments", () => {
    outcomes("strangeBeforeARuntime");
  });
});

describe("calls with a runtime and a model", () => {
  it("may have any arguments", () => {
    expect(outcomes("strange").get("still scores")).toBe("returned");
  });

  it("may come from several threads at once", () => {
    const { status, signal, stderr, stdout } = run("severalThreads");
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
    expect(stdout.match(/^end$/gm)).toHaveLength(4);
  });

  it("may come while the process ends", () => {
    outcomes("atExit");
  });

  it("check what they are called on", () => {
    const found = outcomes("foreignReceivers");
    const ofOthers = [...found].filter(
      ([name]) => name.includes(" of ") && !/ (?:an object|another class)$/.test(name),
    );
    expect(ofOthers.length).toBeGreaterThan(30);
    for (const [name, outcome] of ofOthers) expect(outcome, name).toBe("TypeError: Illegal invocation");
    expect(found.get("NativeModel without anything")).toContain("come from loadModel()");
    expect(found.get("NativeModel of an object")).toContain("come from loadModel()");
    expect(outcomes("loadedTwice").get("a model of the other one")).toBe("TypeError: Illegal invocation");
  });

  it("refuse vocabularies that contradict themselves", () => {
    const found = outcomes("vocabulariesThatContradictThemselves");
    expect(found.get("offsets beyond the bytes")).toBe("RangeError: the vocabulary's offsets do not ascend");
    for (const [name, outcome] of found) expect(outcome, name).toMatch(/^RangeError: /);
  });

  it("refuse arrays that claim lengths which they do not have", () => {
    for (const [name, outcome] of outcomes("arraysOfHugeLengths"))
      expect(outcome, name).toMatch(/^(?:Type|Range)Error: /);
  });

  it("refuse to multiply what cannot be multiplied", () => {
    const found = outcomes("kernelsOfEveryType");
    expect(found.get("0 {}")).toBe("returned");
    expect(found.get("9 {}")).toBe("RangeError: Weights of the type 9 cannot be multiplied.");
    expect(found.size).toBe(53);
  });

  it("refuse attention that no model has", () => {
    const found = outcomes("attentionOfEveryShape");
    expect(found.get("{}")).toBe("returned");
    expect(found.get('{"type":0}')).toBe("returned");
    const others = [...found].filter(([change]) => change !== "{}" && change !== '{"type":0}');
    expect(others).toHaveLength(29);
    for (const [change, outcome] of others) expect(outcome, change).toMatch(/^(?:Range|Type)?Error: /);
  });

  it("refuse a padding token without a position", () => {
    expect(outcomes("paddingWithoutAPosition").get("load")).toMatch(/^RangeError: .*paddingPosition/);
  });

  it("settle a job that is cancelled before its call comes back", () => {
    const found = outcomes("cancelledByASetter");
    expect(found.get("next")).toBe("returned");
    expect(found.get("cancelled")).toBe("1");
  });
});

describe.skipIf(cannotLimitMemory)("without memory (needs Linux and prlimit)", () => {
  it("a context fails in words, and a smaller one is still there", () => {
    const found = outcomes("noMemoryForAContext");
    expect(found.get("long")).toMatch(/^Error: Not enough memory for a context of/);
    expect(found.get("short again")).toBe("returned");
  });

  it("other workers leave the work to the first one", () => {
    for (const [name, outcome] of outcomes("noMemoryForOtherWorkers")) expect(outcome, name).toBe("returned");
  });

  it("fewer threads do the work", () => {
    expect(outcomes("noMemoryForThreads").get("close")).toBe("returned");
  });

  it("arguments that cannot be copied are errors in words", () => {
    const found = outcomes("noMemoryForArguments");
    expect(found.get("afterwards")).toBe("returned");
    found.delete("afterwards");
    for (const [name, outcome] of found) expect(outcome, name).toMatch(/^Error: .*not enough memory/i);
  });
});
