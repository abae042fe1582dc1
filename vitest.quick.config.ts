/** `npm run test:quick`: what breaks most often, in less than a minute. `npm test` runs everything. */
import { defineConfig } from "vitest/config";
import { project, sequence } from "./vitest.config.ts";

/** Limits of time, long texts, many damaged files, statistics: seconds each. */
const SLOW = [
  "fuzz",
  "native/{template-process,probe}",
  "files/file-lock",
  "rows/blanks",
  "hub/{remote,download,listing}",
  "prompt/{long-texts,chat-template}",
  "evaluation/measures/measure",
  "checkpoint/{compare-tokenizers,torch-file}",
];

export default defineConfig({
  test: {
    sequence,
    projects: [
      project("unit", 30_000, "**/*", SLOW),
      project("native", 120_000, "{scoring,planner,runtime,llama-source}"),
      project("parity", 120_000, "{tokens,added-tokens,parity}"),
      project("cli", 120_000, "rank-tokenize"),
    ],
  },
});
