/** The report on all partitions of an evaluation. */
import { readFile } from "node:fs/promises";
import type { EvaluationReport } from "../../src/entry/eval.ts";
import {
  type EvaluatedPart,
  type Manifest,
  mergeParts,
  type PartitionFolder,
  type PlacedPartition,
  parseCase,
} from "../library.ts";

/** Of the partitions that are whole, in the order of the inputs; undefined if none is. */
export async function mergedReport(
  folder: PartitionFolder,
  partitions: readonly PlacedPartition[],
  manifests: ReadonlyMap<PlacedPartition, Manifest>,
  seed: number,
): Promise<EvaluationReport | undefined> {
  const parts = [];
  for (const partition of partitions) {
    const manifest = manifests.get(partition);
    if (manifest?.evaluation === undefined) continue;
    const text = await readFile(folder.outputPath(partition), "utf8");
    const cases = text.split("\n").slice(0, -1).map(parseCase);
    parts.push({ part: manifest.evaluation as EvaluatedPart, cases });
  }
  return mergeParts(parts, seed);
}
