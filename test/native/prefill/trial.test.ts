/** What is remembered of the trial of our own kernels. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { defaultCacheFolder } from "../../../src/cache-folder.ts";
import type { KernelFinding } from "../../../src/native/addon.ts";
import { trialObstacle } from "../../../src/native/prefill-kernels.ts";
import { ProbeInterrupted } from "../../../src/native/probe.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-trial-"));
const original = { ...process.env };
afterAll(() => {
  process.env = original;
  rmSync(folder, { recursive: true, force: true });
});
let count = 0;
beforeEach(() => {
  process.env.STARLING_RM_CACHE = join(folder, String(++count));
});

const DAY = 24 * 60 * 60 * 1000;
const runtime = { folder, cpuLibrary: join(folder, "libggml-cpu.so"), cpuFeatures: [] };
const good: KernelFinding[] = [{ buffer: "avx2", multiple: 1 }];
const attempts = { count: 0 };
const succeed = async () => {
  attempts.count++;
  return good;
};
const fail = (error: Error) => async (): Promise<KernelFinding[]> => {
  throw error;
};
const never = fail(new Error("it was tried again"));

it("a result is kept", async () => {
  expect(await trialObstacle(runtime, succeed)).toBeUndefined();
  expect(await trialObstacle(runtime, never, Date.now() + 9 * DAY)).toBeUndefined();
});

it("a wrong result is kept, too", async () => {
  const wrong = async (): Promise<KernelFinding[]> => [{ buffer: "avx2", multiple: 0, problem: "are off by 2" }];
  expect(await trialObstacle(runtime, wrong)).toBe("what they computed on trial are off by 2");
  expect(await trialObstacle(runtime, succeed, Date.now() + 9 * DAY)).toBe("what they computed on trial are off by 2");
});

it("a trial that was ended from outside is repeated", async () => {
  expect(await trialObstacle(runtime, fail(new ProbeInterrupted("it was ended (SIGKILL).")))).toBe(
    "it was ended (SIGKILL)",
  );
  expect(await trialObstacle(runtime, succeed)).toBeUndefined();
});

it("one that crashed is repeated after a day, or when asked to", async () => {
  const now = Date.now();
  expect(await trialObstacle(runtime, fail(new Error("it crashed (SIGSEGV)")), now)).toBe("it crashed (SIGSEGV)");
  expect(await trialObstacle(runtime, succeed, now + DAY / 2)).toBe("it crashed (SIGSEGV)");
  expect(await trialObstacle(runtime, succeed, now + 2 * DAY)).toBeUndefined();
  expect(await trialObstacle(runtime, never, now + 9 * DAY)).toBeUndefined();
  process.env.STARLING_RM_PROBE = "fresh";
  attempts.count = 0;
  expect(await trialObstacle(runtime, succeed)).toBeUndefined();
  expect(attempts.count).toBe(1);
  delete process.env.STARLING_RM_PROBE;
});

it.each(["", "null", "[]", "5", '"text"', "{", '{"time":1}', '{"time":1,"obstacle":5}', '{"obstacle":null}'])(
  "an entry that is damaged (%s) is replaced",
  async (damaged) => {
    await trialObstacle(runtime, succeed);
    const kept = join(defaultCacheFolder(), "kernels");
    for (const name of readdirSync(kept)) writeFileSync(join(kept, name), damaged);
    attempts.count = 0;
    expect(await trialObstacle(runtime, succeed)).toBeUndefined();
    expect(attempts.count).toBe(1);
    expect(await trialObstacle(runtime, never)).toBeUndefined();
  },
);
