// The fit of a head to synthetic features of the 34B's width: rows, ridge mode, seconds, CPU seconds, peak memory.
//
//   node bench/fit.mjs [--pairs 2000,10000] [--width 7168] [--ridge 0.001,auto] [--threads 1,2]
//
// A ridge is given as a fraction of the largest curvature that the loss can have (a quarter of the squared distance of the features),
// which is how the automatic choice goes through its grid. Each measurement runs in a process of its own.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FeatureTable } from "../dist/src/evaluation/fit/feature-table.js";
import { fitHead } from "../dist/src/evaluation/fit/fit-head.js";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "2000,10000" },
    width: { type: "string", default: "7168" },
    ridge: { type: "string", default: "0.001,auto" },
    threads: { type: "string", default: "2" },
    one: { type: "boolean", default: false },
  },
});

/** Directions that many dimensions share, as in hidden states. */
const SHARED_DIRECTIONS = 64;
/** Dimensions that outweigh the others, as in language models. */
const OUTLIERS = 4;
/** Of the margins of the head that the labels are drawn from. */
const MARGIN = 1.5;

/** xorshift32: the same data on every machine. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function normalsOf(random) {
  const table = Float32Array.from({ length: 65536 }, () => {
    const [a, b] = [(random() + 1) / 2 ** 32, random() / 2 ** 32];
    return Math.sqrt(-2 * Math.log(Math.min(1, a))) * Math.cos(2 * Math.PI * b);
  });
  return () => table[random() >>> 16];
}

/** Pairs whose better response a hidden head chooses, by the probability that the loss assumes. */
function synthetic(pairs, width) {
  const random = randomOf(88172645);
  const normal = normalsOf(random);
  const scales = Float64Array.from({ length: width }, (_, k) => Math.exp(0.7 * normal()) * (k < OUTLIERS ? 30 : 1));
  const directions = Array.from({ length: SHARED_DIRECTIONS }, (_, i) =>
    Float64Array.from({ length: width }, () => (8 * normal()) / (i + 1)),
  );
  const truth = Float64Array.from({ length: width }, (_, k) => normal() / scales[k]);
  const features = new FeatureTable(2 * pairs, width);
  const differences = new Float64Array(pairs);
  for (let row = 0; row < 2 * pairs; row++) {
    const values = features.row(row);
    for (let k = 0; k < width; k++) values[k] = scales[k] * normal();
    // One shared direction a row, so that making the data does not take longer than the fit.
    const direction = directions[random() % SHARED_DIRECTIONS];
    const share = normal();
    for (let k = 0; k < width; k++) values[k] += share * scales[k] * direction[k] * 0.2;
    let score = 0;
    for (let k = 0; k < width; k++) score += truth[k] * values[k];
    differences[row >> 1] += row % 2 === 0 ? score : -score;
  }
  const spread = Math.sqrt(differences.reduce((sum, value) => sum + value * value, 0) / pairs);
  const cases = Array.from(differences, (difference, i) => {
    const wins = random() / 2 ** 32 < 1 / (1 + Math.exp((-MARGIN * difference) / spread));
    const [better, worse] = wins ? [0, 1] : [1, 0];
    return {
      source: 0,
      row: i + 1,
      rows: [2 * i, 2 * i + 1],
      grades: wins ? [1, 0] : [0, 1],
      comparisons: [{ better, worse }],
      group: String(i),
    };
  });
  const squared = scales.reduce((sum, scale) => sum + 2 * scale * scale, 0);
  return { data: { head: { weight: new Float32Array(width) }, features, cases }, squared };
}

async function measure(pairs, width, ridge, threads) {
  const { data, squared } = synthetic(pairs, width);
  const before = { wall: performance.now(), cpu: process.cpuUsage() };
  let ticks = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - ticks);
    ticks = performance.now();
  }, 5);
  const result = await fitHead(data, { ridge: ridge === "auto" ? "auto" : (Number(ridge) * squared) / 4, threads });
  clearInterval(timer);
  const { user, system } = process.cpuUsage(before.cpu);
  const numbers = {
    seconds: (performance.now() - before.wall) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakGiB: process.resourceUsage().maxRSS / 2 ** 20,
    longestBlockMs: longest,
    iterations: result.iterations,
    converged: result.converged,
    objective: result.objective,
    ridge: result.ridge / (squared / 4),
    trials: result.trials.map((trial) => [trial.ridge / (squared / 4), trial.loss]),
    heldOut: result.heldOut?.after,
  };
  process.stdout.write(`${JSON.stringify(numbers)}\n`);
}

if (values.one) {
  await measure(Number(values.pairs), Number(values.width), values.ridge, Number(values.threads));
} else {
  process.stdout.write("pairs    width  ridge    threads  seconds  CPU s  peak GiB  longest block ms  iterations\n");
  for (const pairs of values.pairs.split(","))
    for (const ridge of values.ridge.split(","))
      for (const threads of values.threads.split(",")) {
        const script = fileURLToPath(import.meta.url);
        const args = ["--one", "--pairs", pairs, "--width", values.width, "--ridge", ridge, "--threads", threads];
        const { stdout, status } = spawnSync(process.execPath, [script, ...args], {
          stdio: ["ignore", "pipe", "inherit"],
          encoding: "utf8",
        });
        if (status !== 0) process.exit(status ?? 1);
        const { seconds, cpuSeconds, peakGiB, longestBlockMs, iterations, ...more } = JSON.parse(stdout);
        const cells = [
          seconds.toFixed(1),
          cpuSeconds.toFixed(1),
          peakGiB.toFixed(1),
          longestBlockMs.toFixed(0),
          iterations,
        ];
        process.stdout.write(
          `${pairs.padEnd(8)} ${values.width.padEnd(6)} ${ridge.padEnd(8)} ${threads.padEnd(8)} ${cells.join("  ")}  ${JSON.stringify(more)}\n`,
        );
      }
}
