/**
 * Scores on Vulkan against the goldens, also on Mesa's software driver, by scripts/gpu-check.mjs: a process holds one
 * runtime, and this one's is the CPU's.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./goldens.ts";

/** Exit code of gpu-check where the backend has no runtime package, no loader, no driver or no device. */
const NO_BACKEND = 2;
const TYPES = ["f32", "f16", "q8_0"];
const CASES = TYPES.flatMap((type) => [`${type} exact`, `${type} packed`]);
/** A software driver needs minutes for all of them: it compiles each kernel for seconds. */
const TEXTS = 12;
const TIMEOUT_MS = 15 * 60_000;

interface Report {
  readonly runtime: { readonly missing?: string };
  readonly parity?: {
    readonly texts: number;
    readonly cases: readonly {
      readonly type: string;
      readonly batchMode: string;
      readonly ok: boolean;
      readonly max: number;
      readonly devices: readonly string[];
    }[];
  };
}

if (!existsSync(join(root, "dist", "src", "index.js")))
  throw new Error('dist/ is missing: run "npm run build:ts" first.');

const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [join(root, "scripts", "gpu-check.mjs"), "--backend=vulkan", "--parity-only", `--types=${TYPES}`, `--texts=${TEXTS}`],
  {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    // llama.cpp leaves software drivers out unless a device is named.
    env: { GGML_VK_VISIBLE_DEVICES: "0", ...process.env },
  },
);
const report: Report | undefined = stdout === "" ? undefined : JSON.parse(stdout);
const missing = status === NO_BACKEND ? report?.runtime.missing : undefined;
if (missing !== undefined)
  console.warn(`SKIPPED, parity on Vulkan (.github/CONTRIBUTING.md says what it takes): ${missing}`);

describe.skipIf(missing !== undefined)(`Vulkan${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  it("was measured in every weight type and mode", () => {
    expect(status, stderr).toBe(0);
    expect(report?.parity?.cases.map(({ type, batchMode }) => `${type} ${batchMode}`)).toEqual(CASES);
    expect(report?.parity?.texts).toBe(TEXTS);
  });

  it.each(CASES)("stays within the named tolerance: %s", (name) => {
    const found = report?.parity?.cases.find(({ type, batchMode }) => `${type} ${batchMode}` === name);
    expect(found?.devices.join()).toMatch(/Vulkan/i);
    expect(found?.ok, JSON.stringify(found)).toBe(true);
  });
});
