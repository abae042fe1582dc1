/** Measures one workload with one model: all contenders in one run. */
import { inspectModel } from "../dist/src/entry/convert.js";
import { embeddedModelPath, loadTokenizer } from "../dist/src/index.js";
import { availableMemory } from "../dist/src/scoring/available-memory.js";
import { comparisonsOf, computedShare } from "./comparisons.mjs";
import { contendersFor, OURS } from "./contenders.mjs";
import { interleave } from "./interleave.mjs";
import { modelsFolder } from "./options.mjs";
import { shapes } from "./random-model/shapes.mjs";
import { randomModel } from "./random-model/write.mjs";
import { multipliedWeights, rooflineOf } from "./roofline/roofline.mjs";

/**
 * @param {import("./workloads.mjs").Workload} workload
 * @param {object} settings
 * @param {string} [settings.shape] of the random model; absent for the embedded one
 * @param {string} [settings.type] its weight type
 * @param {number} settings.threads
 * @param {number} settings.repetitions
 * @param {import("./torch.mjs").Torch} settings.torch
 * @param {string | undefined} settings.runtime
 * @param {RegExp} settings.wanted names of contenders; OURS always takes part
 * @param {number | undefined} settings.peak the GEMM peak in operations per second
 * @param {(line: string) => void} settings.log
 */
export async function measureWorkload(workload, settings) {
  const { shape, type, repetitions, wanted, peak, log } = settings;
  const embedded = workload.model === "embedded";
  const modelPath = embedded
    ? await embeddedModelPath()
    : await randomModel({ shape, type, folder: modelsFolder, log });
  const { size } = await inspectModel({ modelPath });
  const weights = await multipliedWeights(modelPath);
  const turns = await makeTurns(workload, { modelPath, shape, repetitions });
  const candidates = contendersFor(workload, { ...settings, modelPath, turns }).filter(
    ({ name }) => name === OURS || wanted.test(name),
  );
  const plans = candidates.filter(({ missing }) => missing === undefined);
  const skipped = candidates
    .filter(({ missing }) => missing !== undefined)
    .map(({ name, missing }) => ({ name, reason: missing }));
  const model = embedded ? "embedded, f16" : `random ${shape}, ${type}`;
  log(`${workload.description}; ${model}`);
  warnAboutMemory(plans.length * size, log);
  const share = computedShare(turns.slice(1));
  const contenders = (await interleave(plans, { repetitions, log })).map((contender, i) => {
    const work = { weights, computedShare: plans[i].shares ? share : 1, peak };
    return { ...contender, roofline: rooflineOf(contender.tokensPerSecond.median, work) };
  });
  const comparisons = comparisonsOf(workload, contenders, { turns, modelBytes: size, shape });
  const { name, description } = workload;
  return { name, description, model, shape, type, weights, computedShare: share, skipped, contenders, comparisons };
}

/** The items of each measurement, warm-up included, and their tokens. */
async function makeTurns(workload, { modelPath, shape, repetitions }) {
  const tokenizer = await loadTokenizer({ modelPath });
  const turns = [];
  for (let turn = 0; turn <= repetitions; turn++) {
    const items = workload.items(shapes[shape]?.vocabulary, turn);
    const ids = (await tokenizer.tokenize(items)).map((item) => Array.from(item.ids));
    turns.push({ items, ids, tokens: ids.reduce((sum, { length }) => sum + length, 0) });
  }
  return turns;
}

/** All contenders hold their weights at the same time, some of them with shared pages. */
function warnAboutMemory(bytes, log) {
  const available = availableMemory();
  if (available === undefined || bytes < available) return;
  const gibibytes = (value) => (value / 1024 ** 3).toFixed(1);
  log(
    `Together the contenders' weights take up to ${gibibytes(bytes)} GiB; ${gibibytes(available)} are available. ` +
      "Choose some with --contenders if memory runs out.",
  );
}
