/** The fastest matrix product that this machine was seen to compute: the roof over all contenders. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildNative } from "../build-native.mjs";
import { summarize } from "../statistics.mjs";

/** The largest matrix of the 1.1B shape, with as many tokens as llama-bench's pp512. */
const SIZE = { columns: 2048, rows: 5632, tokens: 512 };
const REPETITIONS = 7;

/**
 * Measures our GEMM kernels, packing of activations included, and torch's products if there is a torch.
 *
 * @param {{ threads: number, torch: import("../torch.mjs").Torch }} options
 * @returns {object} `products`: each one's operations per second; `best`: the fastest, absent if nothing could be measured
 */
export function measureGemmPeak({ threads, torch }) {
  const options = { threads, ...SIZE, repetitions: REPETITIONS };
  const native = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const measured = run(buildNative("gemm_peak"), native).map((one) => ({ ...one, name: `starling-rm ${one.name}` }));
  if (torch.version !== undefined) {
    const program = fileURLToPath(new URL("torch_gemm.py", import.meta.url));
    measured.push(...run(torch.python, [program, JSON.stringify(options)]));
  }
  const products = measured.map(({ name, type, rates }) => ({ name: `${name} ${type}`, rate: summarize(rates) }));
  const best = products.reduce((a, b) => (a === undefined || b.rate.median > a.rate.median ? b : a), undefined);
  return { threads, ...SIZE, products, ...(best === undefined ? {} : { best }) };
}

function run(program, args) {
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr.trim()}`);
  return JSON.parse(stdout);
}
