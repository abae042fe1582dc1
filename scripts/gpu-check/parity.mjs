// The embedded model's scores on this backend against the committed goldens of the genuine reference (float32, CPU).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { embeddedCheckpoint } from "../../dist/src/embedded-model.js";
import { convert } from "../../dist/src/entry/convert.js";
import { loadRewardModel } from "../../dist/src/index.js";
import { judge } from "./judge.mjs";

const MODEL = "starling-rm-tiny";
const TOKENIZATION = "fast-4.41";
const fixtures = fileURLToPath(new URL("../../test/fixtures/", import.meta.url));

export async function run({ gpu, folder, types, texts }) {
  const { rows, std } = goldens(texts);
  const cases = [];
  for (const type of types) {
    const output = join(folder, `${type}.gguf`);
    await convert({ checkpoint: embeddedCheckpoint(), output, type });
    for (const batchMode of ["exact", "packed"]) {
      const started = performance.now();
      const model = await loadRewardModel({ modelPath: output, gpu, batchMode, tokenization: TOKENIZATION });
      try {
        const results = await model.score(rows.map(({ text }) => ({ text })));
        const scores = results.map(({ score }) => score);
        // Not required on a GPU, but worth knowing: how much a score depends on the rest of its batch.
        const again = await model.score([{ text: rows[0].text }]);
        const alone = Math.abs(again[0].score - scores[0]);
        const seconds = (performance.now() - started) / 1000;
        const { devices } = model.info;
        const judged = judge(type, gpu, batchMode, rows, scores, std);
        cases.push({ type, batchMode, ...judged, alone, devices, seconds });
        const how = judged.ok ? "ok" : "NOT WITHIN THE TOLERANCE";
        console.error(
          `  ${type}, ${batchMode}: ${how}, off by at most ${judged.max.toExponential(1)}; ${seconds.toFixed(1)} s`,
        );
      } finally {
        await model.close();
      }
    }
  }
  return { ok: cases.every(({ ok }) => ok), texts: rows.length, std, cases };
}

/** @param {number} count of texts, of all lengths, where there are more */
function goldens(count) {
  const texts = new Map();
  for (const line of readFileSync(join(fixtures, "texts.jsonl"), "utf8").trimEnd().split("\n")) {
    const { name, text, parts } = JSON.parse(line);
    texts.set(name, text ?? parts.map(([part, times]) => part.repeat(times)).join(""));
  }
  const { header, modes } = JSON.parse(readFileSync(join(fixtures, "goldens", `${MODEL}.json`), "utf8"));
  const scored = modes[TOKENIZATION]
    .filter(({ score, ids }) => score !== undefined && ids !== undefined)
    .sort((a, b) => a.ids.length - b.ids.length);
  const taken = Math.min(count, scored.length);
  const rows = Array.from({ length: taken }, (_, i) => scored[Math.floor((i * scored.length) / taken)]).map(
    ({ name, score }) => ({ name, score, text: texts.get(name) }),
  );
  return { rows, std: header.scoring.std };
}
