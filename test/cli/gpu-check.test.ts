/** scripts/gpu-check.mjs on the CPU, so that it works on the day when a GPU is at hand. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folder, repository } from "./run-cli.ts";

function gpuCheck(...args: string[]) {
  const script = join(repository, "scripts", "gpu-check.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  return { status, stderr, report: JSON.parse(stdout) };
}

it("measures parity, rates and memory, and prints one JSON object", () => {
  const args = ["--backend", "cpu", "--shape", "3.5m", "--repetitions", "1", "--folder", folder];
  args.push("--types", "f32,q4_k_m", "--texts", "20");
  const { status, report, stderr } = gpuCheck(...args);
  expect(status, stderr).toBe(0);
  expect(report.parity.ok).toBe(true);
  expect(report.parity.cases).toHaveLength(4);
  const exact = report.parity.cases.find(
    (one: { type: string; batchMode: string }) => one.type === "f32" && one.batchMode === "exact",
  );
  expect(exact).toMatchObject({ alone: 0, tolerance: { max: 0.001 } });
  expect(report.model).toMatchObject({ shape: "3.5m", type: "q4_k_m" });
  expect(existsSync(report.model.path)).toBe(true);
  expect(report.bench.map(({ name }: { name: string }) => name)).toEqual(["packed, default", "exact, default"]);
  for (const { loadSeconds, memory, rates } of report.bench) {
    expect(loadSeconds).toBeGreaterThan(0);
    expect(memory.processPeakBytes).toBeGreaterThan(0);
    expect(Object.keys(rates)).toEqual(["8x256", "200+7x60", "100+64x20"]);
    for (const name in rates) expect(rates[name].tokensPerSecond.median).toBeGreaterThan(0);
  }
});

it("says what is missing where the backend is not there, with an exit code of its own", () => {
  const backend = process.platform === "darwin" ? "cuda" : "metal";
  const { status, report } = gpuCheck("--backend", backend, "--parity-only");
  expect(status).toBe(2);
  expect(report.runtime.missing).toMatch(/macOS has no CUDA|Metal is available only on Macs with Apple silicon/);
  expect(report.parity).toBeUndefined();
});
