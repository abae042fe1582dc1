/** Whatever a public function gets instead of its arguments: the answer is an InvalidInputError with a code. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as convertEntry from "../../src/entry/convert.ts";
import * as evalEntry from "../../src/entry/eval.ts";
import * as fitEntry from "../../src/entry/fit.ts";
import * as hubEntry from "../../src/entry/hub.ts";
import * as root from "../../src/index.ts";

const library = { ...root, ...convertEntry, ...evalEntry, ...fitEntry, ...hubEntry };
const folder = mkdtempSync(join(tmpdir(), "starling-arguments-"));
const none = join(folder, "none.gguf");
const output = join(folder, "output.gguf");
const data = { benchmark: "pairs", inputs: [none] };

let model: root.RewardModel;
let ranking: root.PromptRanking;
beforeAll(async () => {
  model = await library.loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
  ranking = await model.openPrompt({ prompt: "Capital of France?" });
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

const refuse = () => {
  throw new TypeError("This cannot be read.");
};
const traps = { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse };
const revoked = Proxy.revocable({}, {});
revoked.revoke();

const wrong: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  "a number": 5.5,
  "a bigint": 5n,
  "a text": "x".repeat(100),
  "an empty text": "",
  true: true,
  "a symbol": Symbol("x"),
  "an empty array": [],
  "an array": [5],
  "a function": () => {},
  "a date": new Date(0),
  "an object": { nope: 1 },
  "a getter that throws": Object.defineProperty({}, "nope", { get: refuse, enumerable: true }),
  "a proxy that throws": new Proxy({}, traps),
  "a revoked proxy": revoked.proxy,
};

type Call = (argument: never) => unknown;
const none2 = { ...{ modelPath: none, output }, head: { weight: new Float32Array(2) } };

/** Calls with one wrong argument, and what is right there. */
const whole: Readonly<Record<string, readonly [Call, ...string[]]>> = {
  loadRewardModel: [(x) => library.loadRewardModel(x)],
  loadTokenizer: [(x) => library.loadTokenizer(x)],
  predictMemory: [(x) => library.predictMemory(x)],
  diagnose: [(x) => library.diagnose(x), "undefined", "a date"],
  modelNotices: [(x) => library.modelNotices(x)],
  convert: [(x) => library.convert(x)],
  quantize: [(x) => library.quantize(x)],
  attach: [(x) => library.attach(x)],
  inspectModel: [(x) => library.inspectModel(x)],
  knownModels: [(x) => library.knownModels(x), "undefined", "a date"],
  embeddedModelPath: [(x) => library.embeddedModelPath(x), "undefined", "a date"],
  evaluate: [(x) => library.evaluate(x)],
  compareModels: [(x) => library.compareModels(x)],
  compareRuns: [(x) => library.compareRuns(x)],
  probe: [(x) => library.probe(x)],
  renderComparison: [(x) => library.renderComparison(x)],
  writeReport: [(x) => library.writeReport(x)],
  renderHtml: [(x) => library.renderHtml(x)],
  openRows: [(x) => library.openRows(x), "a text"],
  "openRows, options": [(x) => library.openRows(none, x), "undefined", "a date"],
  readItems: [(x) => library.readItems(x), "a text"],
  "readItems, mapping": [(x) => library.readItems(none, x), "undefined", "a date"],
  "readItems, options": [(x) => library.readItems(none, {}, x), "undefined", "a date"],
  pull: [(x) => library.pull(x)],
  fitModel: [(x) => library.fitModel(x)],
  fitHead: [(x) => library.fitHead(x)],
  extractFeatures: [(x) => library.extractFeatures(x)],
  writeHead: [(x) => library.writeHead(x)],
  replaceHead: [(x) => library.replaceHead(x)],
  "FeatureTable.from": [(x) => library.FeatureTable.from(x)],
  "FeatureTable.row": [(x) => library.FeatureTable.from([[1, 2]]).row(x)],
  "model.score": [(x) => model.score(x), "an empty array"],
  "model.score, options": [(x) => model.score([], x), "undefined", "a date"],
  "model.scoreEach": [(x) => model.scoreEach(x), "an empty array"],
  "model.scoreEach, options": [(x) => model.scoreEach([], x), "undefined", "a date"],
  "model.features": [(x) => model.features(x), "an empty array"],
  "model.features, options": [(x) => model.features([], x), "undefined", "a date"],
  "model.featuresEach": [(x) => model.featuresEach(x), "an empty array"],
  "model.featuresEach, options": [(x) => model.featuresEach([], x), "undefined", "a date"],
  "model.rank": [(x) => model.rank(x)],
  "model.rank, conversation": [(x) => model.rank(x, []), "a text", "an empty text"],
  "model.rank, responses": [(x) => model.rank("a", x), "an empty array"],
  "model.rank, options": [(x) => model.rank("a", [], x), "undefined", "a date"],
  "model.openPrompt": [(x) => model.openPrompt(x), "a text", "an empty text"],
  "model.openPrompt, options": [(x) => model.openPrompt("a", x), "undefined", "a date"],
  "model.tokenize": [(x) => model.tokenize(x), "an empty array"],
  "model.tokenize, options": [(x) => model.tokenize([], x), "undefined", "a date"],
  "tokenizer.tokenize": [(x) => model.tokenizer.tokenize(x), "an empty array"],
  "tokenizer.tokenizeEach": [(x) => model.tokenizer.tokenizeEach(x), "an empty array", "an array"],
  "tokenizer.pieces": [(x) => model.tokenizer.pieces(x), "an empty array", "an array"],
  "ranking.score": [(x) => ranking.score(x), "a text", "an empty text"],
  "ranking.score, options": [(x) => ranking.score("a", x), "undefined", "a date"],
};

/** Calls whose options are right but for one; the files that they name are not there. */
const options: Readonly<Record<string, readonly [Call, Readonly<Record<string, unknown>>, ...string[]]>> = {
  loadRewardModel: [
    (x) => library.loadRewardModel(x),
    { modelPath: none },
    ...["headPath", "foreignHead", "gpu", "gpuLayers", "splitMode", "mainDevice", "threads", "contextTokens"],
    ...["batchTokens", "batchMode", "sharePrefixes", "checkMemory", "mmap", "tokenization", "specialTokens"],
    ...["templateDate", "onProgress", "signal"],
  ],
  loadTokenizer: [(x) => library.loadTokenizer(x), { modelPath: none }, "tokenization", "specialTokens", "signal"],
  predictMemory: [(x) => library.predictMemory(x), { modelPath: none }, "gpu", "signal"],
  diagnose: [(x) => library.diagnose(x), { modelPath: none }, "load", "signal"],
  convert: [
    (x) => library.convert(x),
    { checkpoint: none, output },
    ...["tokenizer", "revision", "stream", "concurrency", "type", "tokenization", "profile", "source", "overwrite"],
    ...["onProgress", "resume", "signal", "endpoint", "cacheFolder", "token"],
  ],
  quantize: [(x) => library.quantize(x), { input: none, output, type: "q8_0" }, "overwrite", "threads", "signal"],
  attach: [(x) => library.attach(x), { trunk: none, head: none, output }, "replaceHead", "overwrite", "signal"],
  inspectModel: [(x) => library.inspectModel(x), { modelPath: none }, "type", "load", "endpoint", "token", "signal"],
  evaluate: [
    (x) => library.evaluate(x),
    { modelPath: none, benchmarks: [data] },
    ...["limit", "seed", "strict", "ignoreFields", "differentPrompts", "cacheFolder", "load", "onProblem"],
    ...["onProgress", "onNotice", "signal"],
  ],
  compareModels: [(x) => library.compareModels(x), { models: [none, none], data }, "limit", "load", "onProgress"],
  compareRuns: [(x) => library.compareRuns(x), { reports: [none, none] }, "signal"],
  probe: [
    (x) => library.probe(x),
    { modelPath: none, data },
    ...[
      "limit",
      "seed",
      "strict",
      "ignoreFields",
      "differentPrompts",
      "cacheFolder",
      "load",
      "onProblem",
      "onProgress",
    ],
    ...["onNotice", "probes", "output", "onText", "signal"],
  ],
  pull: [
    (x) => library.pull(x),
    { repository: "a/b", endpoint: "http://127.0.0.1:9" },
    ...["revision", "concurrency", "onProgress", "signal", "cacheFolder", "token"],
  ],
  fitModel: [
    (x) => library.fitModel(x),
    { modelPath: none, data },
    ...[
      "load",
      "output",
      "headOutput",
      "overwrite",
      "strict",
      "ignoreFields",
      "cacheFolder",
      "onProblem",
      "onProgress",
    ],
    ...["onNotice", "ridge", "heldOut", "seed", "signal"],
  ],
  extractFeatures: [
    (x) => library.extractFeatures({ ...(x as object), model } as never),
    { cases: [] },
    ...["cacheFolder", "modelSha256", "onProgress", "onFailure", "signal"],
  ],
  writeHead: [(x) => library.writeHead(x), none2, "tokenization", "fit", "foreignHead", "overwrite", "signal"],
  replaceHead: [(x) => library.replaceHead(x), none2, "tokenization", "fit", "foreignHead", "onProgress", "signal"],
  "model.rank": [
    (x) => model.rank(x),
    { prompt: "a", responses: ["b"] },
    ...["system", "strict", "nameItem", "perToken", "ignoreFields", "onProgress", "signal"],
  ],
  "model.openPrompt": [(x) => model.openPrompt(x), { prompt: "a" }, "system", "ignoreFields", "signal"],
  "model.score": [(x) => model.score([], x), {}, "strict", "nameItem", "perToken", "ignoreFields", "onProgress"],
  "model.features": [(x) => model.features([], x), {}, "strict", "nameItem", "onResult", "onProgress", "signal"],
};

/** With a folder's name these write there; pull() with anything that it accepts would ask a hub that does not answer. */
const NAMES_PLACES: ReadonlySet<string> = new Set(["extractFeatures cacheFolder"]);

/** The error, or undefined; an item that could not be scored has one, too. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    const answer = (await call()) as AsyncIterable<{ readonly error?: unknown }> | undefined;
    if (answer !== undefined && typeof answer === "object" && Symbol.asyncIterator in answer)
      for await (const { error } of answer) if (error !== undefined) return error;
    return undefined;
  } catch (error) {
    return error;
  }
}

function expectRefusal(error: unknown, what: string): void {
  expect(error, what).toBeInstanceOf(library.InvalidInputError);
  expect(error, what).toMatchObject({ code: expect.stringMatching(/^ERR_/), message: expect.stringMatching(/^.+$/) });
  expect(JSON.parse(JSON.stringify(error)), what).toMatchObject({ code: (error as root.StarlingError).code });
}

describe("instead of an argument", () => {
  it.each(Object.keys(whole))("of %s", async (name) => {
    const [call, ...right] = whole[name] as (typeof whole)[string];
    for (const [what, value] of Object.entries(wrong)) {
      if (right.includes(what)) continue;
      expectRefusal(await errorOf(() => call(value as never)), what);
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("instead of an option", () => {
  it.each(Object.keys(options))("of %s", async (name) => {
    const [call, right, ...optional] = options[name] as (typeof options)[string];
    for (const option of [...Object.keys(right), ...optional]) {
      for (const what of ["a symbol", "a bigint", "a proxy that throws", "a revoked proxy"]) {
        const error = await errorOf(() => call({ ...right, [option]: wrong[what] } as never));
        expectRefusal(error, `${option}: ${what}`);
      }
      // What is right for some options; nothing but errors of our own comes of it.
      for (const [what, value] of Object.entries(wrong)) {
        if (what === "a text" || NAMES_PLACES.has(`${name} ${option}`) || name === "pull") continue;
        const error = await errorOf(() => call({ ...right, [option]: value } as never));
        if (error !== undefined && !library.isStarlingError(error))
          throw new Error(`${option}: ${what}`, { cause: error });
      }
    }
    for (const required of Object.keys(right))
      if (required !== "endpoint" && required !== "modelPath")
        expectRefusal(await errorOf(() => call({ ...right, [required]: undefined } as never)), `no ${required}`);
    const misspelled = await errorOf(() => call({ ...right, signall: undefined } as never));
    expectRefusal(misspelled, "signall");
    expect((misspelled as Error).message).toMatch(/has no option "signall"\. Did you mean "signal"\?$/);
  });
});

describe("beside an object of options", () => {
  const functions = [
    ...[
      "loadRewardModel",
      "loadTokenizer",
      "predictMemory",
      "diagnose",
      "embeddedModelPath",
      "convert",
      "quantize",
      "attach",
    ],
    ...[
      "inspectModel",
      "evaluate",
      "compareModels",
      "compareRuns",
      "probe",
      "writeReport",
      "pull",
      "fitModel",
      "extractFeatures",
      "writeHead",
    ],
    "replaceHead",
    "knownModels",
  ] as const;
  const { signal } = new AbortController();

  it.each(functions)("%s refuses a second argument", async (name) => {
    const call = (library as unknown as Record<string, Call>)[name] as (...args: unknown[]) => unknown;
    const error = await errorOf((() => call({}, { signal })) as never);
    expectRefusal(error, name);
    expect((error as Error).message).toBe(
      `${name} takes one argument, an object of options, but received 2: put all options into that object.`,
    );
  });
});

describe("a class whose objects the library makes", () => {
  it.each([
    ["RewardModel", "loadRewardModel()"],
    ["RewardTokenizer", "loadTokenizer()"],
    ["FeatureTable", "FeatureTable.from(rows)"],
  ] as const)("%s says what to use", (name, instead) => {
    const Class = library[name] as unknown as new (...args: unknown[]) => unknown;
    for (const args of [[], [{ modelPath: none }]]) {
      expect(() => new Class(...args)).toThrow(library.InvalidInputError);
      expect(() => new Class(...args)).toThrow(`${name} cannot be constructed: use ${instead}.`);
    }
  });
});

it("was tried with every function and method", () => {
  const functions = Object.entries(library).filter(
    ([, value]) => typeof value === "function" && !/^class\b/.test(String(value)),
  );
  const methods = (name: string, { prototype }: { readonly prototype: object }) =>
    Object.getOwnPropertyNames(prototype)
      .filter((key) => typeof Object.getOwnPropertyDescriptor(prototype, key)?.value === "function")
      .map((key) => `${name}.${key}`);
  const names = [
    ...functions.map(([name]) => name),
    ...methods("model", library.RewardModel),
    ...methods("tokenizer", library.RewardTokenizer),
    ...methods("ranking", Object.getPrototypeOf(ranking).constructor),
    ...methods("FeatureTable", library.FeatureTable),
  ].filter((name) => !/\.(?:constructor|close)$/.test(name));
  const untried = ["isStarlingError", "model.toJSON"];
  expect(names.filter((name) => !(name in whole) && !untried.includes(name))).toEqual([]);
});
