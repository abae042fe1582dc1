/**
 * How long 64 workers take for a million rows, by how the rows are cut and who gets which part; from measured rates.
 * `node bench/simulate-workers.mjs --help`
 */
import { parseArgs } from "node:util";
import { median } from "./statistics.mjs";
import { cut, drawBlocks, drawSpeeds, idealSeconds, simulate } from "./worker-simulation.mjs";

/**
 * 1.1B q4_k_m, 8x256, 2 threads: the median in README.md, "Recorded". The same workload on a shared, noisy host ranged from 53.7 to 77.5
 * tokens/s in three runs; the range of three normal numbers is on average 1.69 standard deviations, so ln(77.5 / 53.7) / 1.69.
 */
const MEASURED = { rate: 420.2, spread: Math.log(77.5 / 53.7) / 1.69 };

const USAGE = `Usage: node bench/simulate-workers.mjs [options]

  --workers N       default 64
  --rate TOKENS     tokens per second of a worker (default ${MEASURED.rate}, measured: see README.md)
  --spread S        standard deviation of the logarithm of workers' rates (default ${MEASURED.spread.toFixed(3)}, measured)
  --stragglers N    workers at a quarter of their rate, in the scenarios that have some (default 2)
  --failures HOURS  mean time between the failures of one worker, in the scenario that has some (default 12)
  --restart SECONDS until a failed worker computes again: started, model loaded (default 60)
  --overhead SECONDS of each partition: opening, flushing, renaming (default 0.1)
  --rows N          default 1000000
  --tokens N        computed tokens of a middling row (default 150)
  --runs N          with different random numbers (default 20)
  --seed N          default 1
  --json            print all runs as JSON`;

const CUTS = [64, 128, 256, 640, 1280, 5120, 20_480];
const POLICIES = ["static", "stealing"];
const BLOCK_ROWS = 25;
const ROW_LIMIT = 2048;
/** Of the logarithm: rows differ by a factor of 2, and neighbourhoods by 1.3. */
const [ROW_SPREAD, BLOCK_SPREAD] = [Math.log(2), Math.log(1.3)];
const SLOWDOWN = 4;
const HOUR = 3600;

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(
      [
        "workers",
        "rate",
        "spread",
        "stragglers",
        "failures",
        "restart",
        "overhead",
        "rows",
        "tokens",
        "runs",
        "seed",
      ].map((name) => [name, { type: "string" }]),
    ),
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function number(name, usual, least = 0) {
  const value = values[name] === undefined ? usual : Number(values[name]);
  if (Number.isFinite(value) && value >= least) return value;
  console.error(`Expected a number of at least ${least} for --${name} but received ${values[name]}.`);
  process.exit(2);
}

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const workers = number("workers", 64, 1);
const [rate, spread] = [number("rate", MEASURED.rate, 1e-6), number("spread", MEASURED.spread)];
const stragglers = Math.min(workers, number("stragglers", 2));
const meanTimeToFailure = number("failures", 12, 1e-3) * HOUR;
const [restart, overhead] = [number("restart", 60), number("overhead", 0.1)];
const rows = number("rows", 1_000_000, 1);
const tokens = number("tokens", 150, 1);
const runs = number("runs", 20, 1);
const seed = number("seed", 1);

const SCENARIOS = [
  { name: "measured spread", stragglers: 0, meanTimeToFailure: Infinity },
  { name: `and ${stragglers} stragglers`, stragglers, meanTimeToFailure: Infinity },
  { name: "and failures", stragglers, meanTimeToFailure },
];

const data = {
  blocks: Math.ceil(rows / BLOCK_ROWS),
  rowsPerBlock: BLOCK_ROWS,
  median: tokens,
  rowSpread: ROW_SPREAD,
  blockSpread: BLOCK_SPREAD,
  limit: ROW_LIMIT,
};
const results = [];
for (let run = 0; run < runs; run++) {
  const own = seed * 1000 + run;
  const blocks = drawBlocks(data, own);
  for (const scenario of SCENARIOS) {
    const speeds = drawSpeeds({ workers, rate, spread, stragglers: scenario.stragglers, slowdown: SLOWDOWN }, own);
    for (const parts of CUTS) {
      const partitions = cut(blocks, parts);
      const ideal = idealSeconds(partitions, speeds);
      for (const policy of POLICIES) {
        const rules = { policy, overhead, meanTimeToFailure: scenario.meanTimeToFailure, restart };
        const { makespan, lost, failures } = simulate(partitions, speeds, rules, own);
        results.push({ run, scenario: scenario.name, parts, policy, ideal, makespan, lost, failures });
      }
    }
  }
}

if (values.json) console.log(JSON.stringify(results));
else print();

function print() {
  const of = (scenario, parts, policy) =>
    results.filter((one) => one.scenario === scenario && one.parts === parts && one.policy === policy);
  const hours = (scenario) => median(of(scenario, CUTS[0], "static").map(({ ideal }) => ideal)) / HOUR;
  console.log(
    `${workers} workers of ${rate} tokens/s (spread ${spread.toFixed(3)}), ${rows} rows; ${runs} runs, seed ${seed}\n` +
      `ideal hours: ${SCENARIOS.map(({ name }) => `${name} ${hours(name).toFixed(2)}`).join(", ")}\n`,
  );
  console.log("Makespan / ideal, median (worst run):\n");
  const heads = SCENARIOS.flatMap(({ name }) => POLICIES.map((policy) => `${name}, ${policy}`));
  console.log(`| parts (rows each) | ${heads.join(" | ")} |`);
  console.log(`|---|${heads.map(() => "---|").join("")}`);
  for (const parts of CUTS) {
    const cells = SCENARIOS.flatMap(({ name }) =>
      POLICIES.map((policy) => {
        const ratios = of(name, parts, policy).map(({ makespan, ideal }) => makespan / ideal);
        return `${median(ratios).toFixed(2)} (${Math.max(...ratios).toFixed(2)})`;
      }),
    );
    console.log(`| ${parts} (${Math.round(rows / parts)}) | ${cells.join(" | ")} |`);
  }
  const last = SCENARIOS.at(-1)?.name;
  const count = median(of(last, CUTS[2], "stealing").map(({ failures }) => failures));
  console.log(`\nFailures in a run, ${CUTS[2]} parts, stealing: ${count} (median).`);
}
