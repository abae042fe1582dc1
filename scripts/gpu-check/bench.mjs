// One setting of the scorer on the random model: time to load, rates, memory.

import { shapes } from "../../bench/random-model/shapes.mjs";
import { summarize } from "../../bench/statistics.mjs";
import { workloads } from "../../bench/workloads.mjs";
import { loadTokenizer } from "../../dist/src/index.js";
import { deviceBackend } from "../../dist/src/native/devices.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { planLoad } from "../../dist/src/scoring/load-plan.js";
import { readModelFile } from "../../dist/src/scoring/model-file.js";

/** Distinct texts; a few responses to a prompt; many. */
const WORKLOADS = ["8x256", "200+7x60", "100+64x20"];

export async function run({ gpu, shape, modelPath, repetitions, batchMode, changes }) {
  const { addon, backend } = await openEngine({ gpu });
  const file = await readModelFile(modelPath);
  const { threads: _, batchMode: __, ...plan } = { ...planLoad(file, { batchMode }, backend), ...changes };
  const deviceFree = () => freeOf(addon.currentRuntime().devices, backend);
  const before = deviceFree();
  const loading = performance.now();
  // Settings of GPUs are compared: on a CPU, too, with llama.cpp's kernels.
  const kernels = { repacked: true, prefillWeights: [], prefillAttention: false, rowMultiple: 4 };
  const model = await addon.loadModel({ ...plan, ...kernels, path: modelPath, head: file.head }).promise;
  const loadSeconds = (performance.now() - loading) / 1000;
  const tokenizer = await loadTokenizer({ modelPath });
  const rates = {};
  for (const workload of workloads.filter(({ name }) => WORKLOADS.includes(name))) {
    const measurements = [];
    for (let turn = 0; turn <= repetitions; turn++) {
      // Others in each turn: what was scored last is still in the cache. The first one warms up.
      const tokenized = await tokenizer.tokenize(workload.items(shapes[shape].vocabulary, turn));
      const ids = tokenized.map((item) => item.ids);
      const tokens = ids.reduce((sum, { length }) => sum + length, 0);
      const started = performance.now();
      const scores = await Promise.all(model.scoreEach(ids).map(({ promise }) => promise));
      const seconds = (performance.now() - started) / 1000;
      if (!scores.every(Number.isFinite)) throw new Error(`A score of the workload ${workload.name} is not finite.`);
      if (turn > 0) measurements.push({ tokens, seconds });
    }
    rates[workload.name] = {
      tokens: measurements[0].tokens,
      seconds: summarize(measurements.map(({ seconds }) => seconds)),
      tokensPerSecond: summarize(measurements.map(({ tokens, seconds }) => tokens / seconds)),
    };
  }
  const after = deviceFree();
  const deviceBytes = before === undefined ? undefined : before - after;
  await model.close();
  const { microBatch, batchTokens, maxSequences, kvType, flashAttention, contextWorkers, workerThreads, gpuLayers } =
    plan;
  const settings = {
    microBatch,
    batchTokens,
    maxSequences,
    kvType,
    flashAttention,
    contextWorkers,
    workerThreads,
    gpuLayers,
  };
  // Peak of the whole process, Node included; of the device, what it has less at the end than before loading.
  const memory = { processPeakBytes: process.resourceUsage().maxRSS * 1024, deviceBytes };
  return { settings, loadSeconds, memory, rates };
}

function freeOf(devices, backend) {
  const own = devices.filter((device) => deviceBackend(device) === backend);
  return own.length === 0 ? undefined : own.reduce((sum, { memoryFree }) => sum + memoryFree, 0);
}
