/** Our own kernels stay out of a CPU library that is not known by its bytes, and a model is scored without them. */
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { embeddedModelPath, loadRewardModel } from "../../../src/index.ts";
import { RUNTIME_VARIABLE } from "../../../src/native/runtime-folder.ts";
import { allVariants, runtimeWith } from "../../variants.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-foreign-"));
const original = { ...process.env };
afterAll(() => {
  process.env = original;
  rmSync(folder, { recursive: true, force: true });
});

it.runIf(process.platform === "linux" && process.arch === "x64")("is left as it is", async () => {
  const variants = await allVariants(join(folder, "variants"));
  const variant = variants.find(({ problem }) => problem === undefined);
  const library = join(folder, `libggml-cpu-${variant?.name}.so`);
  copyFileSync(join(variant?.folder ?? "", basename(library)), library);
  // Still the same code, but nobody can know that.
  appendFileSync(library, "\0");
  process.env[RUNTIME_VARIABLE] = runtimeWith(library, join(folder, "runtime"));
  const model = await loadRewardModel({ modelPath: await embeddedModelPath(), gpu: "off" });
  expect(model.info.ownKernelsReason).toBe(`${basename(library)} is not one of the libraries that they were made for`);
  expect(model.info.kernelReasons).toEqual([]);
  expect(model.info.kernels.every(({ kernel }) => !kernel.startsWith("starling"))).toBe(true);
  const [result] = await model.score([{ prompt: "Name a fruit.", response: "An apple." }]);
  expect(Number.isFinite(result?.score)).toBe(true);
  await model.close();
});
