// Time and memory of a GGUF on this backend, beside what predictMemory() expects.
import { join } from "node:path";
import { embeddedCheckpoint } from "../../dist/src/embedded-model.js";
import { convert } from "../../dist/src/entry/convert.js";
import { loadRewardModel, predictMemory } from "../../dist/src/index.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { availableMemory } from "../../dist/src/scoring/available-memory.js";

const TURNS = 3;
const TEXTS = 6;
const WORDS = 40;

/** @param task modelPath: the embedded model at q8_0 if absent */
export async function run({ gpu, folder, modelPath, maxTexts = TEXTS }) {
  const path = modelPath ?? join(folder, "rate.gguf");
  if (modelPath === undefined) await convert({ checkpoint: embeddedCheckpoint(), output: path, type: "q8_0" });
  const predicted = await predictMemory({ modelPath: path, gpu });
  const { addon, devices } = await openEngine({ gpu });
  const names = new Set(devices.map(({ name }) => name));
  const now = () => ({
    available: availableMemory(),
    resident: process.memoryUsage.rss(),
    devices: addon.currentRuntime().devices.filter(({ name }) => names.has(name)),
  });
  const memory = { before: now() };
  const loading = performance.now();
  const model = await loadRewardModel({ modelPath: path, gpu });
  try {
    const loadSeconds = (performance.now() - loading) / 1000;
    memory.loaded = now();
    const turns = [];
    for (let turn = 0; turn <= TURNS; turn++) {
      // Other texts in each turn: what was scored last is still in the cache.
      const items = Array.from({ length: maxTexts }, (_, i) => ({ text: textOf(turn, i) }));
      const started = performance.now();
      const results = await model.score(items);
      const seconds = (performance.now() - started) / 1000;
      const tokens = results.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
      if (!results.every(({ score }) => Number.isFinite(score))) throw new Error("A score is not a finite number.");
      // The first one warms up.
      if (turn > 0) turns.push({ tokens, seconds, tokensPerSecond: tokens / seconds });
    }
    memory.scored = now();
    memory.processPeakBytes = process.resourceUsage().maxRSS * 1024;
    const rates = turns.map(({ tokensPerSecond }) => tokensPerSecond).sort((a, b) => a - b);
    console.error(`  ${Math.round(rates[rates.length >> 1])} tokens per second`);
    return { ok: true, model: model.info, loadSeconds, turns, predicted, memory };
  } finally {
    await model.close();
  }
}

function textOf(turn, index) {
  const words = Array.from({ length: WORDS }, (_, i) => `word${(turn * 7919 + index * 104729 + i * 31) % 9973}`);
  return words.join(" ");
}
