// Does everything work on this Mac? Run it once and send what it prints:
//   node scripts/mac-check.mjs > mac.json                             in a checkout, after npm run build
//   node node_modules/starling-rm/scripts/mac-check.mjs > mac.json    where the package is installed
// Needs no network and takes a few minutes. Prints one JSON object; progress goes to the standard error. Whatever loads native code
// runs in child processes with a time limit. Leaves no files.
// Exit codes: 0 everything is right; 1 something is not.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { release, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runStep, stopSteps } from "./gpu-check/run-step.mjs";

const TYPES = "f32,f16,bf16,q8_0,q4_0,q4_k_m";

const USAGE = `Usage: node mac-check.mjs [options] > mac.json

  --model FILE       also load and time this GGUF, and compare its memory with the prediction
  --electron FILE    also score with this Electron executable
  --types LIST       weight types of the embedded model (default ${TYPES})
  --backends LIST    default: cpu,metal
  --texts N          texts of the comparison with the reference (default: all)
  --limit SECONDS    for each step (default 900)`;

const root = fileURLToPath(new URL("..", import.meta.url));
const log = (line) => console.error(line);
const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    electron: { type: "string" },
    types: { type: "string", default: TYPES },
    backends: { type: "string", default: "cpu,metal" },
    texts: { type: "string", default: "1000000" },
    limit: { type: "string", default: "900" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) console.log(USAGE);
else if (existsSync(join(root, "dist", "src", "index.js"))) await main();
else {
  console.error("The library is not built: run npm run build first.");
  process.exitCode = 1;
}

async function main() {
  const started = performance.now();
  const scratch = mkdtempSync(join(tmpdir(), "starling-rm-mac-check-"));
  const clean = () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => {
      stopSteps();
      clean();
      process.exit(1);
    });
  const isMac = process.platform === "darwin";
  const report = { check: "mac-check", format: 1, isMac };
  if (!isMac) log("This is not a Mac: the same steps run, as far as they can.");
  try {
    log("System");
    report.package = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
    report.system = describeSystem(isMac);
    report.problems = await steps(report, scratch);
  } finally {
    clean();
  }
  report.ok = report.problems.length === 0;
  report.seconds = Math.round((performance.now() - started) / 1000);
  for (const problem of report.problems) log(`Problem: ${problem}`);
  log(report.ok ? "Everything is right." : "Please send the JSON all the same.");
  console.log(JSON.stringify(report, undefined, 2));
  process.exitCode = report.ok ? 0 : 1;
}

async function steps(report, scratch) {
  const problems = [];
  // The findings of earlier runs must not count, and nothing may be left in the user's own cache.
  const env = { ...process.env, STARLING_RM_CACHE: join(scratch, "cache"), STARLING_RM_PROBE: "fresh" };
  const step = async (where, task, program) => {
    log(where);
    const settings = { env, limitSeconds: Number(options.limit), ...(program === undefined ? {} : { program }) };
    const result = await runStep({ folder: scratch, ...task }, settings);
    if (result.problem !== undefined) problems.push(`${where}: ${result.problem}`);
    else if (result.ok === false) problems.push(`${where}: not as it should be`);
    return result;
  };
  const model = options.model === undefined ? {} : { modelPath: resolve(options.model) };
  report.doctor = await step("Doctor", { step: "doctor", ...model });
  if (report.doctor.ready === false) problems.push("Doctor: this machine cannot score; see doctor.problems");
  report.files = describeFiles(report.doctor);
  report.backends = {};
  const types = options.types.split(",");
  const texts = Number(options.texts);
  for (const backend of options.backends.split(",")) {
    const gpu = backend === "cpu" ? "off" : backend;
    const found = { open: await step(`${backend}: open`, { step: "open", gpu }) };
    report.backends[backend] = found;
    if (found.open.missing !== undefined) {
      log(`  ${found.open.missing}`);
      if (backend === "cpu" || (process.platform === "darwin" && process.arch === "arm64"))
        problems.push(`${backend}: ${found.open.missing}`);
      continue;
    }
    if (found.open.problem !== undefined) continue;
    found.parity = await step(`${backend}: the reference's scores`, { step: "parity", gpu, types, texts });
    found.exact = await step(`${backend}: alone and in company`, { step: "exact", gpu, types });
    found.rate = await step(`${backend}: time and memory`, { step: "rate", gpu });
    if (options.model !== undefined)
      found.model = await step(`${backend}: ${options.model}`, { step: "rate", gpu, ...model, maxTexts: 2 });
  }
  if (options.electron !== undefined) {
    env.ELECTRON_RUN_AS_NODE = "1";
    const task = { step: "parity", gpu: "off", types: ["f16"], texts: 20 };
    report.electron = await step("Electron", task, resolve(options.electron));
  }
  return problems;
}

/** What macOS says, as it says it: our own reading of it is in the doctor's part. */
function describeSystem(isMac) {
  const system = {
    node: { version: process.version, arch: process.arch, platform: process.platform },
    release: release(),
    memoryBytes: totalmem(),
  };
  if (!isMac) return system;
  const names = ["hw", "machdep.cpu", "sysctl.proc_translated", "iogpu", "kern.memorystatus_level", "vm.swapusage"];
  return {
    ...system,
    version: said("/usr/bin/sw_vers", []),
    sysctl: said("/usr/sbin/sysctl", ["-i", ...names]),
    vmStat: said("/usr/bin/vm_stat", []),
    graphics: said("/usr/sbin/system_profiler", ["SPDisplaysDataType", "-detailLevel", "mini"]),
  };
}

/** Signatures, quarantine and needed system of the addon and the libraries. */
function describeFiles({ addon, runtimes = [] }) {
  const folders = new Set(runtimes.map(({ folder }) => folder).filter((folder) => folder !== undefined));
  const files = [...(addon?.path === undefined || addon.path === "none" ? [] : [addon.path]), ...folders];
  if (process.platform !== "darwin") return { files };
  return files.map((path) => ({
    path,
    attributes: said("/usr/bin/xattr", ["-lr", path]),
    ...(path === addon.path ? { signature: said("/usr/bin/codesign", ["-dv", path]) } : {}),
  }));
}

/** Lines of a program's output; what it said instead where it failed. */
function said(program, args) {
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", timeout: 30_000 });
  return [error?.message, stdout, stderr].filter(Boolean).join("\n").trimEnd().split("\n");
}
