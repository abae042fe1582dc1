import { describe, expect, it } from "vitest";
import { aFunction, anInteger, checkOptions, nearest, oneOf, required } from "../../src/options.ts";

const checks = { threads: anInteger(1, 512), gpu: oneOf(["auto", "off"]), onProgress: aFunction };

describe("checkOptions", () => {
  it("accepts what fits, and undefined as not given", () => {
    checkOptions("load", { threads: 2, gpu: "off", onProgress: undefined }, checks);
    checkOptions("load", undefined, checks);
  });

  it("suggests the nearest name for an unknown one", () => {
    expect(() => checkOptions("load", { thread: 2 }, checks)).toThrow(
      'load has no option "thread". Did you mean "threads"?',
    );
    expect(() => checkOptions("load", { temperature: 2 }, checks)).toThrow(/^load has no option "temperature"\.$/);
    expect(() => checkOptions("load", { constructor: 2 }, checks)).toThrow(/no option "constructor"/);
  });

  it.each([
    [{ threads: 0 }, "Expected a whole number from 1 to 512 for threads but received 0."],
    [{ threads: 1.5 }, "received 1.5"],
    [{ threads: "2" }, 'received the text "2"'],
    [{ gpu: "on" }, 'Expected one of "auto", "off" for gpu but received the text "on".'],
    [{ onProgress: 1 }, "Expected a function for onProgress"],
  ])("refuses %j by one formula", (options, message) => {
    expect(() => checkOptions("load", options, checks)).toThrow(message);
  });

  it("refuses what is no object", () => {
    for (const options of [null, 5, "a", []]) expect(() => checkOptions("load", options, checks)).toThrow(/an object/);
    expect(() => required("load", undefined, "modelPath")).toThrow("load needs the option modelPath");
  });
});

describe("nearest", () => {
  it("finds close names only", () => {
    expect(nearest("tokenisation", ["tokenization", "threads"])).toBe("tokenization");
    expect(nearest("x", ["tokenization"])).toBeUndefined();
  });
});
