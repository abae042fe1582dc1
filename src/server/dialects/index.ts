/** The wire formats that are served, and which of them a request is of. */
import type { Dialect } from "../contract.ts";
import { huggingface } from "./huggingface.ts";
import { infinityClassify, infinityRerank } from "./infinity.ts";
import { llamafactory } from "./llamafactory.ts";
import { openaiEmbeddings } from "./openai.ts";
import { openrlhf } from "./openrlhf.ts";
import { cohereV1, cohereV2, vllmRerank } from "./rerank.ts";
import { sglangClassify, sglangRerank } from "./sglang.ts";
import { slime } from "./slime.ts";
import { teiPredict, teiRerank } from "./tei.ts";
import { vllmClassify, vllmPooling } from "./vllm.ts";
import { vllmScore } from "./vllm-score.ts";

/** Where several are at one path, those that look for a field of their own come first. */
export const dialects: readonly Dialect[] = [
  openrlhf,
  slime,
  llamafactory,
  infinityRerank,
  infinityClassify,
  sglangClassify,
  vllmClassify,
  vllmPooling,
  vllmScore,
  teiRerank,
  teiPredict,
  cohereV1,
  cohereV2,
  vllmRerank,
  sglangRerank,
  openaiEmbeddings,
  huggingface,
];

/** Each path with its dialects, in order. */
export function dialectsByPath(all: readonly Dialect[]): ReadonlyMap<string, readonly Dialect[]> {
  const found = new Map<string, Dialect[]>();
  for (const dialect of all) for (const path of dialect.paths) found.set(path, [...(found.get(path) ?? []), dialect]);
  return found;
}

/** The dialect of a body: the first that claims it, else the last, which says what is wrong with it. */
export function chooseDialect(atPath: readonly Dialect[], body: unknown): Dialect {
  const last = atPath.at(-1);
  if (last === undefined) throw new Error("A path without dialects.");
  if (typeof body !== "object" || body === null || Array.isArray(body)) return last;
  const fields = body as Readonly<Record<string, unknown>>;
  return atPath.find(({ claims }) => claims === undefined || claims(fields)) ?? last;
}
