import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NativeAddon, NativeModel } from "../../src/native/addon.ts";
import { errorOf, folder, load, loadOptions, makeModel, openAddon, pause, removeFolder, sequence } from "./support.ts";

const long = () => Array.from({ length: 100 }, (_, i) => sequence(2000, i));

let addon: NativeAddon;
let path: string;
beforeAll(async () => {
  addon = await openAddon();
  path = await makeModel(addon);
});
afterAll(removeFolder);

/** Starts a job that takes seconds, and waits until it is under way. */
async function busy(model: NativeModel) {
  let job: ReturnType<NativeModel["score"]> | undefined;
  await new Promise<void>((resolve) => {
    job = model.score(long(), () => resolve());
    job.promise.catch(() => {});
  });
  return job as ReturnType<NativeModel["score"]>;
}

describe("cancel", () => {
  it("stops a running job soon; the next job is right", async () => {
    const model = await load(addon, path);
    const expected = await model.score([sequence(60, 1)]).promise;
    const job = await busy(model);
    const started = Date.now();
    job.cancel();
    job.cancel();
    expect((await errorOf(job.promise)).code).toBe("ABORTED");
    expect(Date.now() - started).toBeLessThan(5000);
    expect(await model.score([sequence(60, 1)]).promise).toEqual(expected);
    await model.close();
  });

  it("drops a queued job at once and leaves the others alone", async () => {
    const model = await load(addon, path);
    const first = await busy(model);
    const queued = model.score([sequence(5, 1)]);
    const last = model.score([sequence(5, 2)]);
    queued.cancel();
    expect((await errorOf(queued.promise)).code).toBe("ABORTED");
    first.cancel();
    expect(await last.promise).toHaveLength(1);
    last.cancel();
    await errorOf(first.promise);
    await model.close();
  });

  it("stops a load", async () => {
    const job = addon.loadModel(loadOptions(path, { mmap: false }));
    job.cancel();
    expect((await errorOf(job.promise)).code).toBe("ABORTED");
    job.cancel();
  });

  it("does nothing to a load that is done", async () => {
    const job = addon.loadModel(loadOptions(path));
    const model = await job.promise;
    job.cancel();
    expect(await model.score([sequence(5, 1)]).promise).toHaveLength(1);
    await model.close();
  });

  it("survives many loads cancelled at random moments", async () => {
    for (let i = 0; i < 20; i++) {
      const job = addon.loadModel(loadOptions(path, { mmap: i % 2 === 0 }));
      await pause(i % 7);
      job.cancel();
      await job.promise.then(
        (model) => model.close(),
        (error) => expect(error.code).toBe("ABORTED"),
      );
    }
  });
});

describe("close", () => {
  it("frees an idle model; a second call gives the same promise", async () => {
    const model = await load(addon, path);
    expect(model.closed).toBe(false);
    const closing = model.close();
    expect(model.closed).toBe(true);
    expect(model.close()).toBe(closing);
    await closing;
    expect(model.close()).toBe(closing);
    expect((await errorOf(model.score([sequence(5, 1)]).promise)).code).toBe("CLOSED");
    expect(model.info.layers).toBe(2);
  });

  it("fails what runs and what waits with CLOSED", async () => {
    const model = await load(addon, path);
    const jobs = [await busy(model), model.score([sequence(5, 1)]), model.score([sequence(5, 2)])];
    const closing = model.close();
    for (const job of jobs) expect((await errorOf(job.promise)).code).toBe("CLOSED");
    await closing;
    for (const job of jobs) job.cancel();
  });

  it("leaves other models of the process alone", async () => {
    const [a, b] = await Promise.all([load(addon, path), load(addon, path)]);
    const expected = await b.score([sequence(40, 3)]).promise;
    const job = await busy(a);
    const [same] = await Promise.all([b.score([sequence(40, 3)]).promise, a.close(), errorOf(job.promise)]);
    expect(same).toEqual(expected);
    await b.close();
  });

  it("keeps jobs of several models apart when they run at the same time", async () => {
    const models = await Promise.all([load(addon, path), load(addon, path), load(addon, path)]);
    const input = [3, 40, 17].map((length, i) => sequence(length, i));
    const results = await Promise.all(models.map((model) => model.score(input).promise));
    for (const result of results) expect(result).toEqual(results[0]);
    await Promise.all(models.map((model) => model.close()));
  });
});

describe("quantize", () => {
  it("rejects with llama.cpp's reason", async () => {
    const quantize = (changes: object) =>
      errorOf(addon.quantize({ input: path, output: `${folder}/out.gguf`, ftype: 15, threads: 1, ...changes }));
    expect((await quantize({ input: `${path}.none` })).message).toMatch(/No such file|failed to open/);
    expect((await quantize({ ftype: 33 })).message).toContain("invalid output file type 33");
    expect((await quantize({ output: `${folder}/none/out.gguf` })).message).toContain("failed to quantize");
  });

  it("refuses options of the wrong type at once", () => {
    expect(() => addon.quantize({ input: path, output: "", ftype: 15, threads: 1 })).toThrow(TypeError);
    expect(() => addon.quantize({ input: path, output: "x", ftype: -1, threads: 1 })).toThrow(RangeError);
    expect(() => addon.quantize(undefined as never)).toThrow(TypeError);
  });
});
