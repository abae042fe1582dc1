// Does a GPU give the reference's scores, and how fast is it? Parity of the embedded model, then rates and memory of a
// random model in the 34B's shape, made here. Needs no network and no compiler: this checkout, built, with node_modules.
// Prints one JSON object; progress goes to the standard error.
// Exit codes: 0 success; 1 parity or a measurement failed; 2 the backend has no runtime or no device here.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runStep } from "./gpu-check/run-step.mjs";

const TYPES = "f32,f16,q8_0,q4_k_m";

const USAGE = `Usage: node scripts/gpu-check.mjs [options]     (after npm run build)

  --backend NAME      cuda (default), vulkan, metal or cpu
  --shape NAME        shape of the random model: 34b (default; 20 GB on disk), 1.1b, 140m or 3.5m
  --parity-only       skip the bench
  --types LIST        weight types of the parity check (default ${TYPES})
  --texts N           number of parity texts, of all lengths (default: all)
  --repetitions N     measurements per workload, after a warm-up (default 3)
  --variants REGEX    only matching settings
  --folder FOLDER     folder for the random model (default: bench/models, or $STARLING_RM_CACHE)`;

const root = fileURLToPath(new URL("..", import.meta.url));
const library = join(root, "dist", "src", "index.js");
const log = (line) => console.error(line);

const NO_BACKEND = 2;
const { values: options } = parseArgs({
  options: {
    backend: { type: "string", default: "cuda" },
    shape: { type: "string", default: "34b" },
    "parity-only": { type: "boolean", default: false },
    types: { type: "string", default: TYPES },
    texts: { type: "string", default: "1000000" },
    repetitions: { type: "string", default: "3" },
    variants: { type: "string", default: "." },
    folder: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) console.log(USAGE);
else if (existsSync(library)) await main();
else {
  console.error("The library is not built: run npm run build first.");
  process.exitCode = 1;
}

async function main() {
  const started = performance.now();
  const { describeMachine, describeVersions } = await import("../bench/machine.mjs");
  const gpu = options.backend === "cpu" ? "off" : options.backend;
  const report = { check: "gpu-check", backend: options.backend, versions: describeVersions() };
  report.machine = { ...describeMachine(), ...nvidia() };
  const scratch = mkdtempSync(join(tmpdir(), "starling-rm-gpu-check-"));
  try {
    report.runtime = await runStep({ step: "open", gpu });
    if (report.runtime.missing !== undefined) process.exitCode = NO_BACKEND;
    else if (report.runtime.problem !== undefined) process.exitCode = 1;
    else await check(report, gpu, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  report.seconds = secondsSince(started);
  console.log(JSON.stringify(report, undefined, 2));
}

async function check(report, gpu, scratch) {
  log("Parity of the embedded model");
  const [types, texts] = [options.types.split(","), Number(options.texts)];
  report.parity = await runStep({ step: "parity", gpu, folder: scratch, types, texts });
  if (report.parity.ok !== true) process.exitCode = 1;
  if (options["parity-only"]) return;

  const { modelsFolder } = await import("../bench/options.mjs");
  const { variantsFor } = await import("./gpu-check/variants.mjs");
  const made = performance.now();
  const { shape } = options;
  report.model = await runStep({ step: "make", gpu, shape, folder: options.folder ?? modelsFolder });
  if (report.model.problem !== undefined) process.exitCode = 1;
  else {
    report.model.seconds = secondsSince(made);
    report.bench = [];
    const wanted = new RegExp(options.variants);
    for (const variant of variantsFor(options.backend).filter(({ name }) => wanted.test(name))) {
      log(`Bench: ${variant.name}`);
      const repetitions = Number(options.repetitions);
      const task = { step: "bench", gpu, shape, modelPath: report.model.path, repetitions, ...variant };
      const measured = await runStep(task);
      report.bench.push({ name: variant.name, ...measured });
      if (measured.problem !== undefined) process.exitCode = 1;
    }
  }
}

/** The card and its driver, as NVIDIA's own tool names them. */
function nvidia() {
  const query = "--query-gpu=name,driver_version,memory.total,power.limit";
  const { status, stdout } = spawnSync("nvidia-smi", [query, "--format=csv,noheader"], { encoding: "utf8" });
  return status === 0 ? { nvidia: stdout.trim().split("\n") } : {};
}

function secondsSince(started) {
  return Math.round((performance.now() - started) / 100) / 10;
}
