/** scripts/mac-check.mjs on this machine, which is rarely a Mac: the same steps run, so that it works on the day when one is. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folder, repository } from "./run-cli.ts";

function macCheck(temporary: string, ...args: string[]) {
  const script = join(repository, "scripts", "mac-check.mjs");
  mkdirSync(temporary, { recursive: true });
  const env = { ...process.env, TMPDIR: temporary, TEMP: temporary };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8", env });
  return { status, stderr, left: readdirSync(temporary), report: JSON.parse(stdout) };
}

it("checks the system, scores, exactness, time and memory, and leaves no files", { timeout: 240_000 }, () => {
  const args = ["--types", "f32", "--texts", "10", "--backends", "cpu,metal", "--electron", process.execPath];
  const { status, stderr, left, report } = macCheck(join(folder, "mac-check"), ...args);
  expect(status, stderr).toBe(0);
  expect(left).toEqual([]);
  expect(report).toMatchObject({ check: "mac-check", isMac: process.platform === "darwin", ok: true, problems: [] });
  expect(report.doctor.ready).toBe(true);
  const { cpu } = report.backends;
  expect(cpu.parity).toMatchObject({ ok: true, texts: 10 });
  expect(cpu.exact.cases.map(({ type, exact }: { type: string; exact: boolean }) => [type, exact])).toEqual([
    ["f32", true],
  ]);
  expect(Object.keys(cpu.exact.cases[0].difference)).toContain("batches of 6");
  for (const { tokensPerSecond } of cpu.rate.turns) expect(tokensPerSecond).toBeGreaterThan(0);
  expect(cpu.rate.predicted.total).toBeGreaterThan(0);
  expect(cpu.rate.memory.loaded.resident).toBeGreaterThan(0);
  expect(report.electron.ok).toBe(true);
  if (process.platform !== "darwin") {
    expect(stderr).toContain("This is not a Mac");
    expect(report.backends.metal.open.missing).toMatch(/Metal is available only on Macs with Apple silicon/);
  }
});

it("ends steps that hang, and says so", () => {
  const { status, left, report } = macCheck(join(folder, "mac-hangs"), "--limit", "0.01", "--backends", "cpu");
  expect(status).toBe(1);
  expect(left).toEqual([]);
  expect(report.problems).toEqual([
    expect.stringMatching(/^Doctor: The step doctor did not end within 0\.01 seconds/),
    expect.stringMatching(/^cpu: open: The step open did not end within 0\.01 seconds/),
  ]);
});
