/** Small files in the exact schema of each public data set. */
import { join } from "node:path";

export const dataset = (name: string) => join(import.meta.dirname, "fixtures", "datasets", name);

/** The file of each benchmark that has a public data set. */
export const datasets = {
  human: "human.parquet",
  truth: "truth.parquet",
  safety: "safety-2024.jsonl",
  nectar: "nectar.parquet",
  rewardbench: "rewardbench.parquet",
  rewardbench2: "rewardbench2.parquet",
  rmbench: "rmbench.json",
  ppe: "ppe.jsonl",
} as const;
