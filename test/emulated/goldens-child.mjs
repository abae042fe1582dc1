// Converts and scores on another platform: `node goldens-child.mjs SETUP OUTPUT`. SETUP is a JSON file {library, folder, cases:
// [{checkpoint, name, type, texts}]}; OUTPUT gets the scores of each case, as a JSON list of lists.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [setup, output] = process.argv.slice(2);
const { library, folder, cases } = JSON.parse(readFileSync(setup, "utf8"));
const { convert } = await import(pathToFileURL(join(library, "entry", "convert.js")).href);
const { loadRewardModel } = await import(pathToFileURL(join(library, "index.js")).href);

const results = [];
for (const { checkpoint, name, type, texts } of cases) {
  const modelPath = join(folder, `${name}.${type}.gguf`);
  if (!existsSync(modelPath)) await convert({ checkpoint, output: modelPath, type });
  const model = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  results.push((await model.score(texts.map((text) => ({ text })))).map(({ score }) => score));
  await model.close();
}
writeFileSync(output, JSON.stringify(results));
