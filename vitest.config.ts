import { defineConfig } from "vitest/config";

// Five projects by what they need: `unit` runs pure TypeScript in parallel; `native`, `cli`, `parity` and `package` load
// llama.cpp, each file in a process of its own, one after another, because a process holds one runtime and memory is shared.
const alone = {
  pool: "forks",
  fileParallelism: false,
  isolate: true,
  testTimeout: 120_000,
  hookTimeout: 240_000,
} as const;

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "native", include: ["test/native/**/*.test.ts"], ...alone } },
      { test: { name: "parity", include: ["test/parity/**/*.test.ts"], ...alone } },
      { test: { name: "cli", include: ["test/cli/**/*.test.ts"], ...alone } },
      { test: { name: "package", include: ["test/package/**/*.test.ts"], ...alone } },
    ],
  },
});
