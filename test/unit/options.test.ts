import { describe, expect, it } from "vitest";
import { aFunction, anInteger, aString, checkOptions, nearest, oneOf } from "../../src/options.ts";

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
    [{ threads: "2" }, 'received the string "2"'],
    [{ gpu: "on" }, 'Expected one of "auto", "off" for gpu but received the string "on".'],
    [{ onProgress: 1 }, "Expected a function for onProgress"],
  ])("refuses %j by one formula", (options, message) => {
    expect(() => checkOptions("load", options, checks)).toThrow(message);
  });

  it("shows no raw NUL character of a path", () => {
    const call = () => checkOptions("load", { modelPath: "a\0b" }, { modelPath: aString });
    expect(call).toThrow('Expected a string without NUL characters for modelPath but received the string "a\\u0000b".');
  });

  it("refuses what is no object", () => {
    for (const options of [null, 5, "a", []]) expect(() => checkOptions("load", options, checks)).toThrow(/an object/);
    const missing = "The option modelPath of load is missing.";
    expect(() => checkOptions("load", undefined, checks, ["modelPath"])).toThrow(missing);
  });

  it("copies what was checked, inherited options too", () => {
    const given = Object.create({ threads: 2 }, { gpu: { value: "off", enumerable: true } });
    expect(checkOptions("load", given, checks, ["threads"])).toEqual({ threads: 2, gpu: "off" });
  });

  it("makes an error of a getter that throws", () => {
    const thrown = new Error("no");
    const getter = {
      get threads() {
        throw thrown;
      },
    };
    const proxy = new Proxy(
      {},
      {
        ownKeys() {
          throw thrown;
        },
      },
    );
    for (const options of [getter, proxy])
      expect(() => checkOptions("load", options, checks)).toThrow(
        expect.objectContaining({
          code: "ERR_INVALID_ARGUMENT",
          cause: thrown,
          message: "load's options cannot be read: no",
        }),
      );
  });
});

describe("nearest", () => {
  it("finds close names only", () => {
    expect(nearest("tokenisation", ["tokenization", "threads"])).toBe("tokenization");
    expect(nearest("x", ["tokenization"])).toBeUndefined();
  });

  it.each([
    ["best", ["text", "head", "system"]],
    ["file", ["field", "fields"]],
    ["n", ["t", "id"]],
    ["ab", ["id", "ad"]],
  ])("finds nothing for %j in %j", (name, known) => {
    expect(nearest(name, known)).toBeUndefined();
  });

  it("a swap of two letters is one error", () => {
    expect(nearest("tpo", ["top", "text"])).toBe("top");
    expect(nearest("scroe", ["score", "rank"])).toBe("score");
  });
});
