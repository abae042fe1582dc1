// Tokenises on another platform: `node tokens-child.mjs SETUP OUTPUT`. SETUP is a JSON file {library, folder, cases:
// [{checkpoint, name, tokenization, texts}]}; OUTPUT gets the ids of each text of each case.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [setup, output] = process.argv.slice(2);
const { library, folder, cases } = JSON.parse(readFileSync(setup, "utf8"));
const { convert } = await import(pathToFileURL(join(library, "entry", "convert.js")).href);
const { loadTokenizer } = await import(pathToFileURL(join(library, "index.js")).href);

const results = [];
for (const { checkpoint, name, tokenization, texts } of cases) {
  const modelPath = join(folder, `${name}.gguf`);
  if (!existsSync(modelPath)) await convert({ checkpoint, output: modelPath, type: "f16" });
  const tokenizer = await loadTokenizer({ modelPath, tokenization });
  const rows = await tokenizer.tokenize(texts.map((text) => ({ text })));
  results.push(rows.map(({ ids }) => [...ids]));
}
writeFileSync(output, JSON.stringify(results));
