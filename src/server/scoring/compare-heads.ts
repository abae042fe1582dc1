/** Further heads that a served model's hidden states are scored with. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { FileError } from "../../errors.ts";
import { directionOf, type RewardHead } from "../../reward-head.ts";
import { checkFitDate, readHeadFor } from "../../scoring/choose-head.ts";
import { readModelFile } from "../../scoring/model-file.ts";
import { openedFileOf, type RewardModel } from "../../scoring/reward-model.ts";

export interface NamedHead {
  readonly name: string;
  readonly head: RewardHead;
}

/** How the model's own head, or the one in use instead, is named among them. */
export const MODEL_HEAD = "model";

/**
 * Reads and checks the heads. Each is named as its file is (the name inside is often the model's), and equal names are numbered.
 *
 * @throws FileError ERR_WRONG_HEAD for a head of another model, InvalidInputError for one fitted with another date
 */
export async function readCompareHeads(
  paths: readonly string[],
  model: RewardModel,
  foreignHead: boolean | undefined,
): Promise<readonly NamedHead[]> {
  if (paths.length === 0) return [];
  const file = await readModelFile(openedFileOf(model));
  const { tokenization, templateDate } = model.tokenizer.settings;
  const names = new Set([MODEL_HEAD]);
  const heads: NamedHead[] = [];
  for (const path of paths) {
    const { head, fit } = await readHeadFor(path, model.info.path, file, tokenization, foreignHead);
    checkFitDate({ ...file, fit }, templateDate);
    checkDirection(path, head, model);
    heads.push({ name: unused(basename(path).replace(/\.gguf$/i, ""), names), head });
  }
  return heads;
}

/** Side by side, all scores are read in one direction. */
function checkDirection(path: string, head: RewardHead, { info }: RewardModel): void {
  if (directionOf(head) === info.direction) return;
  throw new FileError(
    "ERR_WRONG_HEAD",
    `The head file ${path} cannot be compared with ${info.path}: of its scores ${directionOf(head)} is better, of the model's ${info.direction}.`,
    { file: path, field: "direction" },
  );
}

function unused(name: string, names: Set<string>): string {
  let free = name;
  for (let n = 2; names.has(free); n++) free = `${name} (${n})`;
  names.add(free);
  return free;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** The same for the same file and heads. */
export function identityOf(model: RewardModel, heads: readonly NamedHead[]): string {
  const hash = createHash("sha256");
  for (const { weight, bias, hidden, direction } of [model.head, ...heads.map(({ head }) => head)]) {
    hash.update(bytesOf(weight)).update(`${bias ?? 0};`);
    if (hidden !== undefined) hash.update(bytesOf(hidden.weight)).update(`${hidden.bias?.join() ?? 0};`);
    if (direction === "lower") hash.update("lower;");
  }
  return `${openedFileOf(model).identity} ${hash.digest("hex")}`;
}
