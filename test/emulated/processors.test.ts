/**
 * The addon starts on any x86-64, though it has kernels for the newest: on older processors, as qemu emulates them, it loads and offers
 * only what they can run.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addonPath } from "../../src/native/load-addon.ts";

const EMULATOR = "qemu-x86_64-static";
const child = join(import.meta.dirname, "processors-child.cjs");

const isHere =
  process.platform === "linux" &&
  process.arch === "x64" &&
  spawnSync(EMULATOR, ["--version"], { stdio: "ignore" }).error === undefined;
if (!isHere)
  console.warn(`Older x86-64 processors are not tried: that needs Linux on x86-64 and ${EMULATOR} (qemu-user-static).`);

interface Found {
  readonly gemm: readonly string[];
  readonly attention: readonly string[];
  readonly hashes: Readonly<Record<string, string>>;
}

function run(command: string, args: readonly string[]): Found {
  const { status, stdout, stderr } = spawnSync(command, [...args, child, addonPath() ?? ""], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

/** V8's own code would be made for this machine's processor: it is interpreted. */
const emulated = (cpu: string) => run(EMULATOR, ["-cpu", cpu, process.execPath, "--jitless"]);

describe.runIf(isHere)("as", () => {
  it.each(["Nehalem", "SandyBridge"])("%s, which has nothing that our kernels use", (cpu) => {
    expect(emulated(cpu)).toEqual({ gemm: [], attention: [], hashes: {} });
  });

  it("Haswell, which has AVX2: the same bits as here", () => {
    const found = emulated("Haswell");
    expect([found.gemm, found.attention]).toEqual([["avx2"], ["avx2"]]);
    expect(Object.keys(found.hashes)).toHaveLength(3);
    const here = run(process.execPath, []);
    if (here.gemm.includes("avx2")) expect(found.hashes).toEqual(here.hashes);
  });
});
