/**
 * A contender is a program in any language, in its own process. It loads its model and prints the JSON line {"ready":true}, to
 * which it may add "details" for the results. Then it answers each line on standard input with one measurement, {"tokens","seconds","cpuSeconds"}: "warm" is a small part
 * of the work, for warming up, and "run" is all of it. It exits when its input ends. It times itself, so neither start-up nor
 * this protocol counts.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @typedef {object} ContenderPlan
 * @property {string} name
 * @property {readonly [string, ...string[]]} command
 * @property {string} does description for the report
 * @property {Readonly<Record<string, string>>} [environment] additional environment variables
 */

/** @typedef {{ tokens: number, seconds: number, cpuSeconds: number }} Measurement */

export class Contender {
  /** @type {import("node:child_process").ChildProcess} */
  #process;
  /** @type {AsyncIterator<string>} */
  #outputs;
  #errors = "";
  /** What the contender says about itself. @type {object | undefined} */
  details;

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
    this.#outputs = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Waits until the model is loaded and warmed up. */
  async ready() {
    this.details = (await this.#nextMeasurement()).details;
    this.#process.stdin.write("warm\n");
    await this.#nextMeasurement();
  }

  /** @returns {Promise<Measurement>} */
  async measure() {
    this.#process.stdin.write("run\n");
    return this.#nextMeasurement();
  }

  /** Peak resident memory so far in bytes; undefined except on Linux. */
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

  async #nextMeasurement() {
    const { done, value } = await this.#outputs.next();
    if (done) throw new Error(`The contender "${this.plan.name}" exited: ${this.#errors.trim()}`);
    return JSON.parse(value);
  }
}
