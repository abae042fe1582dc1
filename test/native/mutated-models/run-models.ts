/** Gives mutated models to a child process, one after another, and starts another child when one is lost. */
import { type ChildProcess, fork } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { packageRoot } from "../../../src/package-info.ts";
import { randomOfRound } from "../../random.ts";
import { mutateModel } from "./mutations.ts";
import type { Sample } from "./sample.ts";

export interface Answer {
  readonly step: "load" | "score" | "done";
  /** Of an error: its code, and what it says. */
  readonly code?: string;
  readonly message?: string;
  readonly scores?: readonly number[];
  readonly milliseconds: number;
}

/** What happened to one file. */
export interface Outcome {
  readonly round: number;
  readonly what: string;
  readonly kinds: readonly string[];
  readonly answer?: Answer;
  /** How the process was lost: a signal or an exit code, and what it wrote; or that it gave no answer in time. */
  readonly lost?: string;
}

export interface RunOptions {
  readonly samples: readonly Sample[];
  readonly folder: string;
  readonly seed: number;
  readonly firstRound: number;
  readonly rounds: number;
  /** A file that takes longer hangs. */
  readonly hangSeconds: number;
  /** Changes a file on its way to the child, or has the child fail: for tests of this test. */
  readonly tamper?: (path: string, round: number) => "abort" | "loop" | undefined;
}

/** How models are loaded, in turns: what decides on kernels, buffers and graphs. */
const LOADS = [{}, { batchMode: "packed" }, { mmap: false }, { mmap: true, threads: 2 }, {}];

/** The same seed and round give the same file. Files with which a process was lost are kept in `folder`. */
export async function* runModels(options: RunOptions): AsyncGenerator<Outcome> {
  const { samples, folder, seed, firstRound, rounds, hangSeconds, tamper } = options;
  const path = join(folder, `mutated-${process.pid}.gguf`);
  let child: Child | undefined;
  try {
    for (let round = firstRound; round < firstRound + rounds; round++) {
      const { bytes, what, kinds } = mutateModel(samples, randomOfRound(seed, round));
      writeFileSync(path, bytes);
      const plant = tamper?.(path, round);
      child ??= await Child.start(folder);
      const answer = await child.ask({ path, load: LOADS[round % LOADS.length], plant }, hangSeconds);
      if (typeof answer !== "string") {
        yield { round, what, kinds, answer };
        continue;
      }
      await child.end();
      child = undefined;
      copyFileSync(path, join(folder, `lost-${seed}-${round}.gguf`));
      yield { round, what, kinds, lost: answer };
    }
  } finally {
    await child?.end();
  }
}

class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<string>;

  private constructor(child: ChildProcess) {
    this.#process = child;
    let text = "";
    child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      text = (text + part).slice(-2000);
    });
    this.#ended = new Promise((resolve) => {
      child.on("error", ({ message }) => resolve(message));
      child.on("close", (code, signal) => resolve(`the process ended with ${signal ?? code}: ${text.trim()}`));
    });
  }

  /** @param cacheFolder for what the library remembers of machine and models */
  static async start(cacheFolder: string): Promise<Child> {
    const library = pathToFileURL(join(packageRoot(), "dist", "src", "index.js")).href;
    const script = fileURLToPath(new URL("child.mjs", import.meta.url));
    const started = fork(script, [library], {
      env: { ...process.env, STARLING_RM_CACHE: cacheFolder },
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const child = new Child(started);
    const first = await Promise.race([new Promise((resolve) => started.once("message", resolve)), child.#ended]);
    if (first !== "ready") throw new Error(`The child did not start: ${first}`);
    return child;
  }

  /** The answer, or how the process was lost. */
  async ask(request: object, seconds: number): Promise<Answer | string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`there is no answer within ${seconds} s`), 1000 * seconds);
    });
    const answered = new Promise<Answer>((resolve) =>
      this.#process.once("message", (answer) => resolve(answer as Answer)),
    );
    this.#process.send(request);
    try {
      return await Promise.race([answered, this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
