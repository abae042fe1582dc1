/**
 * This library as users use it: items in, scores out. Task: {modelPath, threads, turns: {items, tokens}[], options}, where
 * `tokens` is the sum over all items. With `oneByOne` each item is a call, which waits for the one before.
 */
import { loadRewardModel } from "../../dist/src/index.js";
import { serve, task } from "./serve.mjs";

const { modelPath, threads, turns, oneByOne = false, options = {} } = task();
const model = await loadRewardModel({ modelPath, gpu: "off", threads, ...options });

await serve(
  async (turn, warm) => {
    const { items, tokens } = turns[turn];
    if (oneByOne) return timeEach(items);
    const results = await model.score(warm ? items.slice(0, 2) : items);
    if (!results.every(({ score }) => Number.isFinite(score))) throw new Error("A score is not finite.");
    const counted = results.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    if (!warm && counted !== tokens) throw new Error(`The items have ${counted} tokens instead of ${tokens}.`);
    return counted;
  },
  { details: settingsOf(model.info) },
);
await model.close();

/** What was chosen for this processor and model. */
function settingsOf({ path: _path, name: _name, notice: _notice, head: _head, ...settings }) {
  return settings;
}

async function timeEach(items) {
  const milliseconds = [];
  let tokens = 0;
  for (const item of items) {
    const started = performance.now();
    const [{ tokenCount }] = await model.score([item]);
    milliseconds.push(performance.now() - started);
    tokens += tokenCount;
  }
  return { tokens, milliseconds };
}
