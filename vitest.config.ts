import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Every test file has a process of its own: a process holds one llama.cpp runtime, and what a test measures (memory,
 * processor time, signals) is its own process's or its child's. One more than there are cores, because some always wait for a
 * limit or a lock; at most four, because each may hold several models.
 */
const maxWorkers = Math.min(4, availableParallelism() + 1);

/** Names of projects, those with the longest files first, so that no core waits for one long file at the end. */
const ORDER = ["emulated", "package", "parity", "cli", "native", "unit"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => ORDER.indexOf(a.project.name) - ORDER.indexOf(b.project.name));
  }
}

export const sequence = { sequencer: LongestFirst };

/** @param files without the ending `.test.ts` */
export const project = (name: string, testTimeout: number, files = "**/*", exclude: readonly string[] = []) => ({
  test: {
    name,
    include: [`test/${name}/${files}.test.ts`],
    exclude: exclude.map((path) => `test/${name}/${path}.test.ts`),
    pool: "forks" as const,
    maxWorkers,
    testTimeout,
    hookTimeout: 2 * testTimeout,
  },
});

/**
 * Projects by what they need: `unit` is pure TypeScript; the others load llama.cpp; `emulated` runs it on other platforms.
 */
export default defineConfig({
  test: {
    sequence,
    projects: [
      project("unit", 30_000),
      project("native", 120_000),
      project("parity", 120_000),
      project("cli", 120_000),
      project("package", 120_000),
      project("emulated", 120_000),
    ],
  },
});
