/** Processes and worker threads that end with native work under way: right exit code, no crash, no hang, no leak. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folder, makeModel, openAddon, removeFolder, runChild } from "./support.ts";

const MIB = 1024 * 1024;

let model: string;
beforeAll(async () => {
  model = await makeModel(await openAddon());
});
afterAll(removeFolder);

const run = (scenario: string) => runChild(scenario, { model, output: join(folder, "quantized.gguf") });

describe("a process", () => {
  it.each(["exitWhileScoring", "exitWhileLoading", "exitWhileQuantizing", "exitWithWorkerScoring"])(
    "ends with its own code: %s",
    (scenario) => {
      expect(run(scenario)).toMatchObject({ status: 7, signal: null, stderr: "" });
    },
  );

  it("ends with code 1 after an uncaught exception while scoring", () => {
    expect(run("throwWhileScoring")).toMatchObject({ status: 1, signal: null });
  });

  it("is not kept alive by an idle model", () => {
    expect(run("idleModelLetsTheProcessEnd")).toEqual({ status: 0, signal: null, stdout: "", stderr: "" });
  });

  it("is kept alive by a pending job", () => {
    expect(run("pendingJobKeepsTheProcessAlive")).toMatchObject({ status: 0, stdout: "scored 1\n" });
  });

  it("sees what onProgress throws as an uncaught exception, and the job goes on", () => {
    expect(run("throwingProgressIsAnUncaughtException")).toMatchObject({ status: 0, stdout: "from onProgress 1\n" });
  });
});

describe("worker threads", () => {
  it("can be terminated while they score, load, quantise or close", () => {
    expect(run("terminateWorkers")).toEqual({ status: 0, signal: null, stdout: "all ended\n", stderr: "" });
  });
});

describe("memory", () => {
  it("does not grow with loads and closes", () => {
    const { status, stdout } = run("loadAndCloseOften");
    expect(status).toBe(0);
    // A leaked context alone would be 60 times 4 MiB of cache and more.
    expect(Number(stdout)).toBeLessThan(60 * MIB);
  });

  it("of models that nobody refers to any more is freed", () => {
    const { status, stdout } = run("forgottenModelsAreFreed");
    expect(status).toBe(0);
    const [end, largest] = stdout.trim().split(" ").map(Number) as [number, number];
    expect(largest).toBeGreaterThan(170 * MIB);
    expect(end).toBeLessThan(900 * MIB);
  });
});
