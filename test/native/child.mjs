// Scenarios that end a process or a worker thread during native work. Run by teardown.test.ts and
// damaged-files.test.ts: `node child.mjs SCENARIO < setup.json`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { growthOf } from "./growth.mjs";

const { scenario, setup } = isMainThread
  ? { scenario: process.argv[2], setup: JSON.parse(readFileSync(0, "utf8")) }
  : workerData;
const addon = createRequire(import.meta.url)(setup.addon);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const ignore = () => {};

/** The options of the other tests: see loadOptions in support.ts. */
const options = (path, changes = {}) => ({
  ...setup.load,
  head: { weight: Float32Array.from(setup.load.head.weight) },
  path,
  ...changes,
});
const long = Array.from({ length: 200 }, (_, k) =>
  Int32Array.from({ length: 2000 }, (_, i) => 3 + ((i * 7 + k) % 200)),
);
const short = [Int32Array.of(5, 6, 7)];

async function busyModel() {
  await addon.openRuntime(setup.libraries);
  const model = await addon.loadModel(options(setup.model)).promise;
  const started = new Promise((resolve) => {
    model.score(long, resolve).promise.catch(ignore);
  });
  await started;
  return model;
}

const inWorker = (name) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { scenario: name, setup } });
    worker.once("message", () => resolve(worker));
    worker.once("error", reject);
  });

const scenarios = {
  async exitWhileScoring() {
    await busyModel();
    process.exit(7);
  },
  async exitWhileLoading() {
    await addon.openRuntime(setup.libraries);
    addon.loadModel(options(setup.model, { mmap: false })).promise.catch(ignore);
    process.exit(7);
  },
  async exitWhileQuantizing() {
    await addon.openRuntime(setup.libraries);
    addon.quantize({ input: setup.model, output: setup.output, ftype: 15, threads: 1 }).catch(ignore);
    await pause(5);
    process.exit(7);
  },
  async exitWithWorkerScoring() {
    await inWorker("worker:busy");
    process.exit(7);
  },
  async throwWhileScoring() {
    await busyModel();
    throw new Error("on purpose");
  },
  async idleModelLetsTheProcessEnd() {
    await addon.openRuntime(setup.libraries);
    globalThis.kept = await addon.loadModel(options(setup.model)).promise;
  },
  async pendingJobKeepsTheProcessAlive() {
    await addon.openRuntime(setup.libraries);
    const model = await addon.loadModel(options(setup.model)).promise;
    model.score(short).promise.then((scores) => console.log("scored", scores.length));
  },
  async throwingProgressIsAnUncaughtException() {
    const seen = new Promise((resolve) => process.once("uncaughtException", resolve));
    await addon.openRuntime(setup.libraries);
    const model = await addon.loadModel(options(setup.model)).promise;
    const scores = await model.score(short, () => {
      throw new Error("from onProgress");
    }).promise;
    console.log((await seen).message, scores.length);
  },
  async terminateWorkers() {
    for (const name of ["worker:busy", "worker:loading", "worker:quantizing", "worker:busy", "worker:closing"]) {
      const worker = await inWorker(name);
      await worker.terminate();
    }
    // The process still works, in this thread and in a new one.
    const model = await busyModel();
    await model.close();
    await new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { scenario: "worker:orderly", setup } });
      worker.once("error", reject);
      worker.once("exit", resolve);
    });
    console.log("all ended");
  },
  async "worker:busy"() {
    await busyModel();
    parentPort.postMessage("ready");
  },
  async "worker:loading"() {
    await addon.openRuntime(setup.libraries);
    addon.loadModel(options(setup.model, { mmap: false })).promise.catch(ignore);
    parentPort.postMessage("ready");
  },
  async "worker:quantizing"() {
    await addon.openRuntime(setup.libraries);
    addon.quantize({ input: setup.model, output: setup.output, ftype: 15, threads: 1 }).catch(ignore);
    parentPort.postMessage("ready");
  },
  async "worker:closing"() {
    const model = await busyModel();
    model.close().catch(ignore);
    parentPort.postMessage("ready");
  },
  async "worker:orderly"() {
    const model = await busyModel();
    await model.close();
  },
  async loadAndCloseOften() {
    await addon.openRuntime(setup.libraries);
    const once = async () => {
      const model = await addon.loadModel(options(setup.model)).promise;
      await model.score(short).promise;
      await model.close();
    };
    console.log(await growthOf(once));
  },
  async forgottenModelsAreFreed() {
    await addon.openRuntime(setup.libraries);
    const once = async () => {
      // Large enough to measure: a sequence that needs about 130 MB of key-value cache, which is cleared and so resident.
      const model = await addon.loadModel(options(setup.model, { contextTokens: 131072, kvType: "f32" })).promise;
      const job = model.score([new Int32Array(131072).fill(5)]);
      await pause(300);
      globalThis.largest = Math.max(globalThis.largest ?? 0, process.memoryUsage().rss);
      job.cancel();
      await job.promise.catch(ignore);
    };
    for (let i = 0; i < 12; i++) {
      await once();
      globalThis.gc();
      await pause(100);
      globalThis.gc();
    }
    await pause(500);
    console.log(process.memoryUsage().rss, globalThis.largest);
  },
  /** Loads every file; a file that loads is scored with. Prints one line per file: `loaded` or the reason. */
  async tryFiles() {
    await addon.openRuntime(setup.libraries);
    for (const path of setup.files) {
      try {
        const model = await addon.loadModel(options(path, { contextTokens: 64 })).promise;
        const outcome = await model.score(short).promise.then(
          () => "scored",
          (error) => error.message,
        );
        await model.close();
        console.log(`loaded, ${outcome}`);
      } catch (error) {
        console.log(`rejected: ${error.message}`);
      }
    }
    console.log("end");
  },
};

await scenarios[scenario]();
