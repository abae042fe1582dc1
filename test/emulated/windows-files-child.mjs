// What files are like on Windows, through the library: `node windows-files-child.mjs SETUP OUTPUT`. SETUP is a JSON file
// {library, checkpoint, folder, share}; OUTPUT gets the outcome of every scenario by its name, {value} or {code, message}.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const [setup, output, role] = process.argv.slice(2);
const { library, checkpoint, folder, share } = JSON.parse(readFileSync(setup, "utf8"));
const part = (...path) => import(pathToFileURL(join(library, ...path)).href);
const { convert, quantize } = await part("entry", "convert.js");
const { embeddedModelPath, loadRewardModel, readItems } = await part("index.js");
const { FileLock } = await part("files", "file-lock.js");

const make = (path, options = {}) => convert({ checkpoint, output: path, type: "f16", ...options });
const items = ["An apple.", "A stone."].map((response) => ({ prompt: "Name a fruit.", response }));
async function scores(modelPath) {
  const model = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  const results = await model.score(items);
  await model.close();
  return results.map(({ score }) => score);
}
const makeAndScore = async (path) => {
  await make(path);
  return scores(path);
};

/** Keeps a file open for so long while `work` runs. */
async function whileOpen(path, milliseconds, work) {
  const descriptor = openSync(path, "r");
  const closed = sleep(milliseconds).then(() => closeSync(descriptor));
  try {
    return await work();
  } finally {
    await closed;
  }
}

/** A process of this script that is killed once it has said something. */
async function killed(...args) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), setup, output, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  const ended = once(child, "exit");
  if (child.exitCode === null && child.kill("SIGKILL")) await ended;
}

const at = (name) => join(folder, name);
const deep = join(folder, ...["x", "y", "z"].map((letter) => letter.repeat(100)));

const scenarios = {
  plain: () => makeAndScore(at("plain.gguf")),
  slashes: () => makeAndScore(at("slashes.gguf").replaceAll("\\", "/")),
  relative: () => {
    process.chdir(folder);
    return makeAndScore("relative.gguf");
  },
  letters: () => makeAndScore(at("名前 ü é.gguf")),
  "long form": () => makeAndScore(`\\\\?\\${at("long form.gguf")}`),
  "long form of the root": () => makeAndScore("\\\\?\\C:\\root.gguf"),
  "pattern on a share": async () => {
    let rows = 0;
    for await (const _ of readItems(`${share}\\*.jsonl`)) rows++;
    return rows;
  },
  "long path": () => {
    mkdirSync(deep, { recursive: true });
    return makeAndScore(join(deep, "model.gguf"));
  },
  "long quantised": async () => {
    const path = join(deep, "q 名前.gguf");
    await quantize({ input: join(deep, "model.gguf"), output: path, type: "q8_0" });
    return (await scores(path)).length;
  },
  "demonstration model": async () => {
    const path = await embeddedModelPath();
    return path.startsWith(join(process.env.LOCALAPPDATA, "starling-rm"));
  },
  again: () => makeAndScore(at("plain.gguf")),
  "other case": () =>
    quantize({ input: at("plain.gguf"), output: at("PLAIN.GGUF").toLowerCase(), type: "q8_0", overwrite: true }),
  device: () => make(at("NUL")),
  stream: () => make(at("plain.gguf:other")),
  dot: () => make(at("dot.gguf.")),
  "two at once": async () => {
    const both = await Promise.allSettled([make(at("two.gguf")), make(at("TWO.gguf"))]);
    return both.map(({ status, reason }) => reason?.message ?? status).sort();
  },
  "briefly open": () =>
    whileOpen(at("plain.gguf"), 300, async () => {
      await make(at("plain.gguf"), { overwrite: true });
      return scores(at("plain.gguf"));
    }),
  "open for long": () => whileOpen(at("plain.gguf"), 3_500, () => make(at("plain.gguf"), { overwrite: true })),
  loaded: async () => {
    const model = await loadRewardModel({ modelPath: at("slashes.gguf"), gpu: "off", threads: 1 });
    try {
      await make(at("slashes.gguf"), { overwrite: true });
      return await model.score(items);
    } finally {
      await model.close();
    }
  },
  "lock of a killed process": async () => {
    await killed("lock");
    const left = existsSync(at("killed.lock"));
    const began = performance.now();
    await (await FileLock.acquire(at("killed.lock"))).release();
    return { left, soon: performance.now() - began < 5_000 };
  },
  "killed and resumed": async () => {
    await killed("convert");
    const before = existsSync(at("resumed.gguf"));
    await make(at("resumed.gguf"), { resume: true });
    return { before, scores: await scores(at("resumed.gguf")) };
  },
  // To the last bit, in any company and order.
  exact: async () => {
    const path = at("exact.gguf");
    await make(path, { type: "q4_k_m" });
    const texts = Array.from({ length: 12 }, (_, i) => ({ text: "a b ".repeat(3 * i + 1) }));
    const scoresOf = async (chosen, options) => {
      const model = await loadRewardModel({ modelPath: path, gpu: "off", threads: 1, ...options });
      const results = await model.score(chosen);
      await model.close();
      return results.map(({ score }) => score);
    };
    const together = await scoresOf(texts);
    const others = [
      (await scoresOf(texts.toReversed())).toReversed(),
      await scoresOf(texts, { sharePrefixes: false }),
      await scoresOf(texts, { batchTokens: 5, threads: 2 }),
      (await Promise.all(texts.map((text) => scoresOf([text])))).flat(),
    ];
    return others.map((scores) => scores.filter((score, i) => !Object.is(score, together[i])).length);
  },
  leftovers: () => [folder, deep].flatMap((path) => readdirSync(path)).filter((name) => basename(name).startsWith(".")),
};

/** What processes do that are killed. */
const roles = {
  async lock() {
    await FileLock.acquire(at("killed.lock"));
    console.log("held");
    setInterval(() => {}, 1_000);
  },
  async convert() {
    // With the first tensor of several.
    const onProgress = ({ phase }) => {
      if (phase !== "converting") return;
      console.log("began");
      // Until the end comes.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
    };
    await make(at("resumed.gguf"), { resume: true, onProgress });
  },
};

if (role !== undefined) await roles[role]();
else {
  const outcomes = {};
  for (const [name, run] of Object.entries(scenarios)) {
    try {
      outcomes[name] = { value: await run() };
    } catch ({ code, message }) {
      outcomes[name] = { code, message };
    }
  }
  writeFileSync(output, JSON.stringify(outcomes));
}
