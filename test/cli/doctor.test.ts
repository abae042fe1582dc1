/** `starling-rm doctor`: what it says, its exit code, and what it makes of broken machines and models. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findRuntime } from "../../src/native/runtime-folder.ts";
import { file, folder, run } from "./run-cli.ts";

const RUNTIME = "STARLING_RM_RUNTIME";
/** A runtime without GPU backends, so that these tests do the same on every machine. */
const cpuOnly = { [RUNTIME]: findRuntime("cpu").folder };

describe("doctor", () => {
  it("says what is there, and that it can score", async () => {
    const { code, stdout, stderr } = await run(["doctor", "--model", "tiny"], "", cpuOnly);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^platform +\S+ \S+, kernel /);
    expect(stdout).toMatch(/^instructions +\S/m);
    expect(stdout).toMatch(/^addon +.*starling_rm\.node$/m);
    expect(stdout).toMatch(/^ {2}cpu +works \(chosen by --gpu auto\)/m);
    expect(stdout).toMatch(
      /^kernels +(?:.*avx2: our own, for models that gain|llama\.cpp's; our own are not used: \S)/m,
    );
    expect(stdout).toMatch(/^ {2}kernels +f16 by /m);
    // What our own kernels gain, or why there are none.
    expect(stdout).toMatch(
      /^ {2}kernels .*(?:times as fast as llama\.cpp's|attention by starling)|^ {2}note +our own kernels are not used: \S/m,
    );
    expect(stdout).toMatch(/^ {2}need +[\d.]+ MiB at most on cpu, for texts of up to 2048 tokens/m);
    expect(stdout).toMatch(/\nready: the model can be scored; --gpu auto uses the CPU\n$/);
  });

  it("says that our own kernels are left out, and why", async () => {
    const { stdout } = await run(["doctor", "--model", "tiny", "--kernels", "off"], "", cpuOnly);
    expect(stdout).toMatch(/^kernels +llama\.cpp's; our own are not used: the option kernels is "off"$/m);
    expect(stdout).toMatch(/^ {2}note +our own kernels are not used: the option kernels is "off"$/m);
    const { stdout: json } = await run(["doctor", "--model", "tiny", "--kernels", "off", "--json"], "", cpuOnly);
    const { ownKernels, model } = JSON.parse(json);
    expect([ownKernels.reason, model.kernels.ownKernelsReason]).toEqual(Array(2).fill('the option kernels is "off"'));
  });

  it("says the same as JSON", async () => {
    const { code, stdout } = await run(["doctor", "--json"], "", cpuOnly);
    const found = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(found).toMatchObject({
      ready: true,
      choice: "cpu",
      addon: { loads: true },
      machine: { node: process.version },
    });
    expect(found.runtimes.map(({ backend }: { backend: string }) => backend)).toContain("cpu");
    expect(found).not.toHaveProperty("model");
  });

  it("says in words what is wrong with a model, and that it is not ready", async () => {
    const { stdout: scored } = await run(["inspect", "tiny", "--json"]);
    const whole = readFileSync(JSON.parse(scored).path);
    const truncated = file("truncated.gguf", whole.subarray(0, whole.length - 1000));
    const cases: [string, RegExp][] = [
      [truncated, /truncated\.gguf .*(?:cut off|end|bytes)/],
      [join(folder, "none.gguf"), /none\.gguf .*(?:does not exist|no such file)/i],
      [file("text.gguf", "hello"), /text\.gguf .*/],
    ];
    for (const [path, reason] of cases) {
      const { code, stdout } = await run(["doctor", "--model", path], "", cpuOnly);
      expect(code, path).toBe(1);
      expect(stdout).toMatch(/\nnot ready: the model cannot be loaded\n$/);
      expect(stdout.split("to fix\n")[1]).toMatch(reason);
    }
  });

  it.skipIf(process.platform === "darwin")("refuses a backend that is not there, with the reason", async () => {
    const { code, stdout } = await run(["doctor", "--gpu", "metal", "--model", "tiny"], "", cpuOnly);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "cannot run on metal: Metal is available only on Macs with Apple silicon. Here the choices are ",
    );
  });

  it("survives a runtime that is no runtime, and says how to mend it", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    const { code, stdout, stderr } = await run(["doctor"], "", { [RUNTIME]: empty });
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout).toMatch(/^ {2}cpu +broken; .*has no library ggml-base/m);
    expect(stdout).toMatch(/\nnot ready: nothing can score here\n$/);
    const none = await run(["doctor", "--json"], "", { [RUNTIME]: join(folder, "nowhere") });
    expect([none.code, JSON.parse(none.stdout).ready]).toEqual([1, false]);
  });

  it.runIf(process.platform === "linux")("survives a driver that crashes, and so does scoring", async () => {
    // A GPU backend that was cut off ends the process that opens it: SIGBUS, as a bad driver would.
    const broken = join(folder, "broken");
    mkdirSync(broken);
    const genuine = findRuntime("cpu").folder;
    for (const name of readdirSync(genuine)) symlinkSync(join(genuine, name), join(broken, name));
    const backend = readdirSync(genuine).find((name) => /^libggml-cpu.*\.so$/.test(name)) as string;
    writeFileSync(join(broken, "libggml-vulkan.so"), readFileSync(join(genuine, backend)).subarray(0, 5000));
    const icd = file("icd.json", "{}");
    const environment = { [RUNTIME]: broken, VK_DRIVER_FILES: icd };
    const { code, stdout, stderr } = await run(["doctor", "--gpu", "vulkan"], "", environment);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout).toMatch(/^ {2}vulkan +broken; .*libggml-vulkan\.so is truncated: it has 5000 bytes/m);
    const score = await run(["score", "--model", "tiny", "--gpu", "vulkan", "-p", "Hi", "-r", "Yes"], "", environment);
    expect(score.code).toBe(2);
    expect(score.stderr).toMatch(/libggml-vulkan\.so is truncated/);
  });
});

describe("the options of GPUs", () => {
  it.each([
    [["--gpu-layers", "most"], 'Expected "auto", "all" or a whole number from 0 to 1000.'],
    [["--split-mode", "row"], "none, layer"],
    [["--main-device", "15"], "Expected a whole number from 0 to 14."],
  ])("%j is refused", async (options, message) => {
    const { code, stderr } = await run(["score", "--model", "tiny", ...options, "-p", "a", "-r", "b"]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it.each([["auto"], ["all"], ["0"], ["5"]])("--gpu-layers %s is nothing to the CPU", async (layers) => {
    const options = ["--gpu", "off", "--gpu-layers", layers, "--split-mode", "none", "--main-device", "2"];
    const { code, stdout } = await run(["score", "--model", "tiny", ...options, "-p", "Hi", "-r", "Yes"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveProperty("score");
  });
});
