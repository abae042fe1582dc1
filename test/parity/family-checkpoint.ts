/** Puts a family of test/fixtures/families together as a checkpoint folder, as scripts/oracle/families.py does. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./goldens.ts";

export const familiesFolder = join(root, "test", "fixtures", "families");

interface Family {
  readonly tokenizer: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
}

export const families: Readonly<Record<string, Family>> = JSON.parse(
  readFileSync(join(familiesFolder, "families.json"), "utf8"),
);

function tensorNames(path: string): string[] {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header: object = JSON.parse(bytes.subarray(8, 8 + length).toString());
  return Object.keys(header).filter((name) => name !== "__metadata__");
}

/** @param changes of config.json */
export function familyCheckpoint(name: string, folder: string, changes: object = {}): string {
  const family = families[name];
  if (family === undefined) throw new RangeError(`There is no family ${name}.`);
  const { tokenizer, config, tokenizerConfig } = family;
  mkdirSync(folder, { recursive: true });
  cpSync(join(familiesFolder, "tokenizers", tokenizer), folder, { recursive: true });
  const path = join(folder, "tokenizer_config.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...tokenizerConfig }));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...changes }));
  const sources = [
    join(familiesFolder, "trunks", `${tokenizer}.safetensors`),
    join(familiesFolder, `${name}.safetensors`),
  ];
  const fileOf = sources.flatMap((source, i) => {
    const shard = `model-0000${i + 1}-of-00002.safetensors`;
    copyFileSync(source, join(folder, shard));
    return tensorNames(source).map((tensor) => [tensor, shard]);
  });
  const index = { metadata: { total_size: 0 }, weight_map: Object.fromEntries(fileOf) };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
  return folder;
}
