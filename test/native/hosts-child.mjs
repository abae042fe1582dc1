// Scenarios of hosts.test.ts: `node hosts-child.mjs SCENARIO SETUP`. Uses the library as an application does.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { growthOf } from "./growth.mjs";

const [scenario, setup] = isMainThread ? [process.argv[2], JSON.parse(process.argv[3])] : workerData;
const { loadRewardModel } = await import(setup.library);

const WORKERS = 4;
const PROMPT = "Name a fruit.";
const items = ["An apple.", "A stone.", "I hate you.", "apple ".repeat(200)].map((response) => ({
  prompt: PROMPT,
  response,
}));
const load = () => loadRewardModel({ modelPath: setup.modelPath, gpu: "off", threads: 1 });

async function scores(wanted = items) {
  const model = await load();
  const results = await model.score(wanted);
  await model.close();
  return results.map(({ score }) => score);
}

const startWorker = (name) => new Worker(new URL(import.meta.url), { workerData: [name, setup] });
const messageOf = (worker) =>
  new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });

const scenarios = {
  async workers() {
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => messageOf(startWorker("worker:scores"))));
    console.log(JSON.stringify({ main: await scores(), workers }));
  },
  async "worker:scores"() {
    // Twice: some load while others score and close.
    await scores();
    parentPort.postMessage(await scores());
  },
  async loads() {
    const short = items.slice(0, 1);
    console.log(await growthOf(() => scores(short)));
  },
  async exit() {
    await Promise.all([messageOf(startWorker("worker:busy")), messageOf(startWorker("worker:busy"))]);
    const model = await load();
    model.score(items).catch(() => {});
    load().catch(() => {});
    process.exit(7);
  },
  async "worker:busy"() {
    const model = await load();
    const many = Array.from({ length: 500 }, (_, i) => ({ prompt: PROMPT, response: `${i} `.repeat(500) }));
    await new Promise((resolve) => {
      model.score(many, { onProgress: resolve }).catch(() => {});
    });
    parentPort.postMessage("scoring");
  },
};

await scenarios[scenario]();
