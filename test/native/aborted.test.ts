/** A signal that was aborted before rejects every call at once, before anything is opened, with its own reason. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as convertEntry from "../../src/entry/convert.ts";
import * as evalEntry from "../../src/entry/eval.ts";
import * as fitEntry from "../../src/entry/fit.ts";
import * as hubEntry from "../../src/entry/hub.ts";
import { holdOutput } from "../../src/files/hold-output.ts";
import * as root from "../../src/index.ts";
import { embeddedModelPath } from "../../src/model-path.ts";

const library = { ...root, ...convertEntry, ...evalEntry, ...fitEntry, ...hubEntry };

const folder = mkdtempSync(join(tmpdir(), "starling-aborted-"));
const reason = new Error("no longer wanted");
const signal = AbortSignal.abort(reason);
/** What would be opened is not there: whoever opens it gets another error. */
const none = join(folder, "none");
const output = join(folder, "output.gguf");
/** Nobody answers there. */
const endpoint = "http://127.0.0.1:9";
const data = { benchmark: "pairs", inputs: [none] } as const;

let model: root.RewardModel;
let ranking: root.PromptRanking;
let head: root.RewardHead;

beforeAll(async () => {
  model = await library.loadRewardModel({ modelPath: await embeddedModelPath(), gpu: "off", threads: 1 });
  ranking = await model.openPrompt({ prompt: "Capital of France?" });
  head = model.head;
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

const unread = (): Iterable<never> => ({
  [Symbol.iterator]() {
    throw new Error("An item was read.");
  },
});

async function first(outcomes: AsyncIterable<unknown>): Promise<unknown> {
  for await (const outcome of outcomes) return outcome;
  return undefined;
}

/** A call of everything in the public interface that takes a signal. */
const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  compareModels: () => library.compareModels({ models: [none, none], data, signal }),
  compareRuns: () => library.compareRuns({ reports: [none, none], signal }),
  convert: () => library.convert({ checkpoint: none, output, signal }),
  "convert from the hub": () => library.convert({ checkpoint: "hf:a/b", endpoint, output, signal }),
  diagnose: () => library.diagnose({ modelPath: none, signal }),
  embeddedModelPath: () => embeddedModelPath({ cacheFolder: join(folder, "cache"), signal }),
  evaluate: () => library.evaluate({ modelPath: none, benchmarks: [data], signal }),
  extractFeatures: () => library.extractFeatures({ model, cases: unread(), cacheFolder: none, signal }),
  fitHead: () => library.fitHead({ cases: [], features: library.FeatureTable.from([head.weight]), head }, { signal }),
  fitModel: () => library.fitModel({ modelPath: none, data, output, signal }),
  holdOutput: () => holdOutput(output, { signal }),
  inspectModel: () => library.inspectModel({ modelPath: none, signal }),
  "inspectModel on the hub": () => library.inspectModel({ modelPath: "hf:a/b", endpoint, signal }),
  loadRewardModel: () => library.loadRewardModel({ modelPath: none, signal }),
  loadTokenizer: () => library.loadTokenizer({ modelPath: none, signal }),
  predictMemory: () => library.predictMemory({ modelPath: none, signal }),
  probe: () => library.probe({ modelPath: none, data, signal }),
  pull: () => library.pull({ repository: "a/b", endpoint, cacheFolder: none, signal }),
  quantize: () => library.quantize({ input: none, output, type: "q8_0", signal }),
  attach: () => library.attach({ trunk: none, head: none, output, signal }),
  readItems: () => first(library.readItems(none, {}, { signal })),
  replaceHead: () => library.replaceHead({ modelPath: none, output, head, signal }),
  writeHead: () => library.writeHead({ modelPath: none, output, head, signal }),
  "model.score": () => model.score([{ text: "" }], { signal }),
  "model.scoreEach": () => first(model.scoreEach(unread(), { signal })),
  "model.features": () => model.features([{ text: "" }], { signal }),
  "model.featuresEach": () => first(model.featuresEach(unread(), { signal })),
  "model.tokenize": () => model.tokenize([{ text: "" }], { signal }),
  "model.tokenizer.tokenize": () => model.tokenizer.tokenize([{ text: "" }], { signal }),
  "model.rank": () => model.rank({ prompt: "a", responses: ["", "b"], signal }),
  "model.openPrompt": () => model.openPrompt({ prompt: "Capital of France?", signal }),
  "ranking.score": () => ranking.score("Paris.", { signal }),
};

/** What takes no signal: it is done at once, opens one file, or is stopped by whoever reads from it. */
const others = [
  "knownModels",
  "isStarlingError",
  "modelNotices",
  "openRows",
  "renderComparison",
  "renderHtml",
  "writeReport",
];

it.each(Object.keys(calls))("%s", async (name) => {
  const outcome = await (calls[name] as () => Promise<unknown>)().then(
    () => "resolved",
    (error: unknown) => error,
  );
  const made = readdirSync(folder);
  for (const file of made) rmSync(join(folder, file), { recursive: true });
  expect(outcome).toBe(reason);
  expect(made).toEqual([]);
});

/** Otherwise a signal would seem to be seen first where only the arguments were wrong. */
it.each<[string, () => Promise<unknown>]>([
  ["compareModels", () => library.compareModels({ models: [none, none], data })],
  ["compareRuns", () => library.compareRuns({ reports: [none, none] })],
  ["evaluate", () => library.evaluate({ modelPath: none, benchmarks: [data] })],
  ["fitModel", () => library.fitModel({ modelPath: none, data, output })],
  ["loadTokenizer", () => library.loadTokenizer({ modelPath: none })],
  ["predictMemory", () => library.predictMemory({ modelPath: none })],
  ["probe", () => library.probe({ modelPath: none, data })],
])("%s goes on to the files without a signal", async (_, call) => {
  await expect(call()).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
});

it("was looked at for everything that is exported", () => {
  const isFunction = ([, value]: [string, unknown]) => typeof value === "function" && !/^class\b/.test(String(value));
  const exported = Object.entries(library).filter(isFunction);
  const known = [...Object.keys(calls), ...others];
  expect(exported.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
});

it("leaves the model as it was", async () => {
  expect(await model.score([{ text: "a" }])).toHaveLength(1);
  expect(await ranking.score("Paris.")).toMatchObject({ score: expect.any(Number) });
});
