// Held-out accuracy of the embedded model through our own path: convert, quantise, score. Prints the rows of its card.
// Usage: node scripts/measure-tiny.mjs [TYPE …]   (after npm run build:ts)
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convert, embeddedCheckpoint, loadRewardModel } from "../dist/src/index.js";

const types = process.argv.length > 2 ? process.argv.slice(2) : ["f32", "f16", "q8_0", "q4_k_m"];
const checkpoint = embeddedCheckpoint();
const rows = readFileSync(join(checkpoint, "heldout.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const folder = await mkdtemp(join(tmpdir(), "starling-rm-tiny-"));
try {
  console.log("| weights | pairwise | top-1 |\n|---|---|---|");
  for (const type of types) {
    const modelPath = join(folder, `${type}.gguf`);
    await convert({ checkpoint, output: modelPath, type });
    const model = await loadRewardModel({ modelPath, gpu: "off" });
    const items = rows.flatMap(({ prompt, responses }) => responses.map((response) => ({ prompt, response })));
    const scores = (await model.score(items)).map(({ score }) => score);
    await model.close();
    const { pairwise, top1 } = accuracy(rows, scores);
    console.log(`| ${type} | ${pairwise.toFixed(3)} | ${top1.toFixed(3)} |`);
  }
} finally {
  await rm(folder, { recursive: true });
}

function accuracy(groups, scores) {
  let [pairs, right, best, at] = [0, 0, 0, 0];
  for (const { ranks } of groups) {
    const own = scores.slice(at, at + ranks.length);
    at += ranks.length;
    for (const [i, a] of ranks.entries()) {
      for (const [j, b] of ranks.entries()) {
        if (a >= b) continue;
        pairs += 1;
        if (own[i] > own[j]) right += 1;
      }
    }
    if (ranks[own.indexOf(Math.max(...own))] === 1) best += 1;
  }
  return { pairwise: right / pairs, top1: best / groups.length };
}
