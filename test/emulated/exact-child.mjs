// Scores models in every way in which a score must come out the same to the last bit: `node exact-child.mjs < SETUP`. SETUP is
// JSON {library, models, texts, pairs, batches, onlyBatches}; prints, as JSON, of each model what was loaded, and of each way the
// scores and whether they are called exact.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { library, models, texts, pairs, batches, onlyBatches } = JSON.parse(readFileSync(0, "utf8"));
const { loadRewardModel } = await import(pathToFileURL(join(library, "index.js")).href);
const items = texts.map((text) => ({ text }));
const scoresIn = (results) => results.map(({ score }) => score);

async function examine(modelPath) {
  const open = (options = {}) => loadRewardModel({ modelPath, gpu: "off", threads: 1, ...options });
  const way = ({ info: { batchMode, kernelReasons } }, scores) => ({ scores, batchMode, kernelReasons });
  const scored = async (chosen, options) => {
    const model = await open(options);
    const found = way(model, scoresIn(await model.score(chosen)));
    await model.close();
    return found;
  };
  const model = await open();
  const together = await model.score(items);
  const ofTexts = { together: way(model, scoresIn(together)) };
  const groups = [ofTexts];
  if (!onlyBatches) {
    for (const [name, scores] of Object.entries(await inOtherCompany(model))) ofTexts[name] = way(model, scores);
    const ofPairs = { "pairs together": way(model, scoresIn(await model.score(pairs))) };
    ofPairs["an open prompt"] = way(model, await afterOpenPrompts(model));
    const reversed = await scored(items.toReversed());
    ofTexts.reversed = { ...reversed, scores: reversed.scores.toReversed() };
    ofTexts["apart, two threads"] = await scored(items, { sharePrefixes: false, threads: 2 });
    ofPairs["pairs apart"] = await scored(pairs, { sharePrefixes: false });
    groups.push(ofPairs);
  }
  await model.close();
  for (const batchTokens of batches) ofTexts[`batches of ${batchTokens}`] = await scored(items, { batchTokens });
  const { cpuLibrary, batchMode, kernels } = model.info;
  const lengths = together.map(({ tokenCount }) => tokenCount);
  return { cpuLibrary, batchMode, kernels, lengths, groups };
}

async function inOtherCompany(model) {
  const alone = [];
  for (const item of items) alone.push((await model.score([item]))[0].score);
  const perToken = await model.score(items, { perToken: true });
  const lastReward = perToken.map(({ tokenRewards }) => tokenRewards.rewards.at(-1));
  return { alone, perToken: scoresIn(perToken), lastReward };
}

async function afterOpenPrompts(model) {
  const scores = [];
  for (const prompt of new Set(pairs.map((pair) => pair.prompt))) {
    const ranking = await model.openPrompt({ prompt });
    for (const [i, pair] of pairs.entries())
      if (pair.prompt === prompt) scores[i] = (await ranking.score(pair.response)).score;
    await ranking.close();
  }
  return scores;
}

const found = [];
for (const path of models) found.push(await examine(path));
console.log(JSON.stringify(found));
