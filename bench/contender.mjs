/**
 * A contender is a program of any language in its own process: it loads its model, prints the JSON line
 * {"ready":true}, and then answers every line on its standard input with one measurement,
 * {"tokens","seconds","cpuSeconds"}: "warm" for a small part of the work, to warm up, and "run" for all of it. It ends
 * when its input ends. It times itself, so that neither its start nor this protocol counts.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @typedef {object} ContenderPlan
 * @property {string} name
 * @property {readonly [string, ...string[]]} command
 * @property {string} does in words, for the report
 * @property {Readonly<Record<string, string>>} [environment] variables that it gets besides the bench's own
 */

/** @typedef {{ tokens: number, seconds: number, cpuSeconds: number }} Measurement */

export class Contender {
  /** @type {import("node:child_process").ChildProcess} */
  #process;
  /** @type {AsyncIterator<string>} */
  #answers;
  #errors = "";

  /** @param {ContenderPlan} plan */
  constructor(plan) {
    this.plan = plan;
    const [program, ...args] = plan.command;
    this.#process = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...plan.environment },
      windowsHide: true,
    });
    this.#process.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#process.on("error", (error) => {
      this.#errors += error.message;
    });
    this.#process.stdin.on("error", () => {});
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Waits until the model is loaded, and has been used once. */
  async ready() {
    await this.#answer();
    this.#process.stdin.write("warm\n");
    await this.#answer();
  }

  /** @returns {Promise<Measurement>} */
  async measure() {
    this.#process.stdin.write("run\n");
    return this.#answer();
  }

  /** The most memory that the process had so far, in bytes, where the system tells. */
  peakBytes() {
    if (process.platform !== "linux") return undefined;
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.pid === undefined) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin.end();
    await ended;
  }

  async #answer() {
    const { done, value } = await this.#answers.next();
    if (done) throw new Error(`The contender "${this.plan.name}" ended: ${this.#errors.trim()}`);
    return JSON.parse(value);
  }
}
