/** Trying a runtime in a child, with children that crash, hang and babble as broken drivers make them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RuntimeLibraries } from "../../../src/native/addon.ts";
import { judgeProbe, PROBING_VARIABLE, probeEnvironment, probeRuntime } from "../../../src/native/probe.ts";
import { fakeRoots } from "./fake-root.ts";

const folder = fakeRoots()([]);
const libraries: RuntimeLibraries = { folder: "/f", ggmlBase: "/b", ggml: "/g", llama: "/l", version: "1" };
const device = (name: string, type: string) => ({ name, description: name, type, memoryFree: 5, memoryTotal: 9 });
const info = { folder: "/f", version: "1", devices: [device("CUDA0", "gpu"), device("CPU", "cpu")] };
const OPENED = { stage: "opened", info };
const CHECKED = { stage: "checked", checks: [{ name: "CUDA0" }] };

/** JavaScript that prints these lines as probe.cjs does. */
const say = (...lines: object[]) =>
  lines
    .map((line) => `require("fs").writeSync(1, ${JSON.stringify(`\nstarling-rm-probe ${JSON.stringify(line)}\n`)});`)
    .join("");

let scripts = 0;
function probe(code: string, timeLimitMs = 30_000, program?: string) {
  const script = join(folder, `${scripts++}.cjs`);
  writeFileSync(script, code);
  return probeRuntime(libraries, { script, timeLimitMs, ...(program === undefined ? {} : { program }) });
}

describe("probeRuntime", () => {
  it("gives the devices that computed what they should", async () => {
    expect(await probe(say(OPENED, CHECKED))).toEqual({ opened: true, devices: info.devices });
  });

  it("hands over the libraries, and an environment of its own", async () => {
    const code = `const { libraries } = JSON.parse(process.argv[2]);
      const { ELECTRON_RUN_AS_NODE, ${PROBING_VARIABLE}, NODE_OPTIONS } = process.env;
      const message = [libraries.folder, ELECTRON_RUN_AS_NODE, ${PROBING_VARIABLE}, NODE_OPTIONS].join();
      require("fs").writeSync(1, "\\nstarling-rm-probe " + JSON.stringify({ stage: "failed", message }) + "\\n");`;
    expect(await probe(code)).toEqual({ opened: false, devices: [], problem: "/f,1,1," });
    expect(probeEnvironment({ NODE_OPTIONS: "--inspect", HOME: "/h" })).toEqual({
      HOME: "/h",
      ELECTRON_RUN_AS_NODE: "1",
      [PROBING_VARIABLE]: "1",
    });
  });

  it("survives a driver that crashes, and says when", async () => {
    const crash = 'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);';
    expect(await probe(crash)).toEqual({
      opened: false,
      devices: [],
      problem: "the driver crashed (SIGKILL) while the libraries were opened",
    });
    expect(await probe(`${say(OPENED)}${crash}`)).toEqual({
      opened: true,
      devices: [device("CPU", "cpu")],
      problem: "the driver crashed (SIGKILL) at its first computation",
    });
  });

  it("keeps what a driver said before it crashed the process", async () => {
    const { problem } = await probe(
      'process.stderr.write("noise\\nCUDA error: no kernel image\\n"); process.exitCode = 3;',
    );
    expect(problem).toBe(
      "the driver crashed the process (exit code 3) while the libraries were opened; last output: CUDA error: no kernel image",
    );
  });

  it("waits for a driver that hangs until the limit, and no longer", async () => {
    // Whether it had said anything by then depends on the machine.
    const { problem } = await probe(`${say(OPENED)}setInterval(() => {}, 1000);`, 700);
    expect(problem).toMatch(/^the driver did not answer within 0\.7 seconds/);
  });

  it("does not wait for a driver that hangs or crashes when all is known", async () => {
    for (const end of ["setInterval(() => {}, 1000);", 'process.kill(process.pid, "SIGKILL");'])
      expect(await probe(`${say(OPENED, CHECKED)}${end}`)).toEqual({ opened: true, devices: info.devices });
  });

  it("passes over what drivers print, and half a line", async () => {
    const noise = 'require("fs").writeSync(1, "ggml_vulkan: 1\\nstarling-rm-probe {broken\\nno newline");';
    expect((await probe(`${noise}${say(OPENED, CHECKED)}${noise}`)).devices).toHaveLength(2);
    expect(
      (await probe(`require("fs").writeSync(1, 'starling-rm-probe {"stage":"checked","checks":[]}')`)).opened,
    ).toBe(false);
  });

  it("does not fail where no process can be started", async () => {
    const { opened, problem } = await probe("", 30_000, join(folder, "no-such-program"));
    expect(opened).toBe(false);
    expect(problem).toMatch(/could not be started.*ENOENT/);
  });
});

describe("judgeProbe", () => {
  const end = { code: 0, signal: null };
  it("leaves out devices that compute wrongly, and says why", () => {
    const checks = [{ name: "CUDA0", problem: "it multiplied two small matrices wrongly" }];
    expect(judgeProbe([OPENED, { stage: "checked", checks }] as never, end, "", 1000)).toEqual({
      opened: true,
      devices: [device("CPU", "cpu")],
      problem: "CUDA0: it multiplied two small matrices wrongly",
    });
  });

  it("keeps the reason of a backend that has no device", () => {
    const opened = {
      stage: "opened",
      info: { ...info, devices: [device("CPU", "cpu")], backendProblem: "no libcuda" },
    };
    const result = judgeProbe([opened, { stage: "checked", checks: [] }] as never, end, "", 1000);
    expect(result).toEqual({ opened: true, devices: [device("CPU", "cpu")], problem: "no libcuda" });
  });

  it("knows a crash on Windows by its exit code", () => {
    expect(judgeProbe([], { code: 0xc0000005, signal: null }, "", 1000).problem).toContain("crashed (0xC0000005)");
  });
});
