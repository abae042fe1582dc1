// Runs the addon's scenarios under a sanitizer: `npm run sanitize` for both, `npm run sanitize -- address` (AddressSanitizer
// and UndefinedBehaviorSanitizer) or `-- thread` (ThreadSanitizer) for one. The addon is built for it; Node and llama.cpp are
// as they always are, so that what is found is looked for in our own code alone.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { baseLoadOptions } from "../test/native/load-options.mjs";
import { BuildError, buildAddon, root } from "./build-addon.mjs";

const SANITIZERS = {
  address: { runtime: "libasan.so", says: "AddressSanitizer and UndefinedBehaviorSanitizer" },
  thread: { runtime: "libtsan.so", says: "ThreadSanitizer" },
};

/** Scripts in test/native, their scenarios, and with which status each ends; 0 where none is named. */
const SCENARIOS = {
  "work-child.mjs": ["score", "cancel", "closeWhileBusy", "quantizeRows", "hostileTexts"],
  "border-child.mjs": [
    "beforeARuntime",
    "strange",
    "severalThreads",
    "foreignReceivers",
    "vocabulariesThatContradictThemselves",
    "arraysOfHugeLengths",
    "cancelledByASetter",
    "atExit",
  ],
  "child.mjs": [
    "exitWhileScoring=7",
    "exitWhileLoading=7",
    "exitWhileQuantizing=7",
    "exitWithWorkerScoring=7",
    "throwWhileScoring=1",
    "idleModelLetsTheProcessEnd",
    "throwingProgressIsAnUncaughtException",
    "terminateWorkers",
  ],
};

/** A scenario takes seconds; what takes longer than this hangs. */
const TIME_LIMIT_MS = 300_000;
/** What a finding ends a process with; no scenario does. */
const FOUND_STATUS = 99;
/** The checkpoint of test/native/support.ts, and its width. */
const CHECKPOINT = join(root, "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const WIDTH = 256;

/** The sanitizer's runtime library, which must be there before Node starts; or why there is none, in words. */
function findRuntimeLibrary({ runtime, says }) {
  if (process.platform !== "linux") return { missing: `${says} is used on Linux alone` };
  const compiler = process.env.CXX || "c++";
  const { stdout, error } = spawnSync(compiler, [`-print-file-name=${runtime}`], { encoding: "utf8" });
  const path = stdout?.trim() ?? "";
  if (error === undefined && isAbsolute(path) && existsSync(path)) return { path };
  return { missing: `${compiler} has no runtime library of ${says} (${runtime} of GCC)` };
}

async function makeSetup(folder, addon) {
  const built = (path) => import(pathToFileURL(join(root, "dist", "src", path)).href);
  const { convertCheckpoint } = await built("convert/convert.js");
  const { findRuntime } = await built("native/runtime-folder.js");
  const model = join(folder, "f16.gguf");
  await convertCheckpoint({ checkpoint: CHECKPOINT, output: model, type: "f16" });
  const load = {
    ...baseLoadOptions,
    head: { weight: Array.from({ length: WIDTH }, (_, i) => Math.sin(i * 1.7) * 0.2) },
  };
  return { addon, model, output: join(folder, "quantized.gguf"), libraries: findRuntime("cpu"), load };
}

/** Options of the sanitizers' runtimes; reports go to files that begin with `log`. */
function environment(library, log, leaks) {
  const common = `log_path=${log}:exitcode=${FOUND_STATUS}`;
  return {
    ...process.env,
    LD_PRELOAD: library,
    NODE_OPTIONS: "",
    ASAN_OPTIONS: `${common}:detect_leaks=${leaks ? 1 : 0}`,
    UBSAN_OPTIONS: `${common}:print_stacktrace=1`,
    // A process that exits waits for the end of our threads (exit_guard), but has nobody left to join them.
    TSAN_OPTIONS: `${common}:report_signal_unsafe=0:report_thread_leaks=0`,
  };
}

/** What the sanitizer and the C++ library, of which Node exports parts, put on top of a stack. */
const PASSED_OVER = /libsanitizer|\/include\/c\+\+\/|#\d+ (?:0x[0-9a-f]+ in )?(?:std|__gnu_cxx)::/;

/** Whether a stack of calls begins in the addon. */
function isOurs(stack) {
  const frames = stack.split("\n").filter((line) => /^\s*#\d+ /.test(line));
  const top = frames.find((frame) => !PASSED_OVER.test(frame));
  return (
    top !== undefined &&
    (/\bstarling::/.test(top) || top.includes(join(root, "native")) || top.includes("starling_rm.node"))
  );
}

/**
 * Only the two accesses say whose race it is: the stacks behind them say who made the threads and the memory. Descriptors are
 * opened and closed by Node's threads as well, which nobody watches, so that one number seems to be one file.
 */
function isOurRace(race) {
  const accesses = race
    .split("\n\n")
    .filter((part) => /^\s*(?:WARNING:.*\n\s*)?(?:\w+ )*(?:read|write) of size/im.test(part));
  return accesses.some(isOurs) && !race.includes("Location is file descriptor");
}

/**
 * What a report says of the addon. Node, V8 and llama.cpp are not instrumented: what they keep until the process ends looks
 * like a leak, and what they do with their own memory like a race. All other reports count whole.
 */
function findings(report) {
  if (report.includes("LeakSanitizer: detected memory leaks"))
    return report.split("\n\n").filter((part) => /^(?:Direct|Indirect) leak/.test(part) && isOurs(part));
  if (report.includes("WARNING: ThreadSanitizer: data race"))
    return report.split(/^={18}$/m).filter((race) => race.includes("WARNING:") && isOurRace(race));
  return report.trim() === "" ? [] : [report];
}

const readReports = (folder) =>
  readdirSync(folder)
    .filter((name) => name.startsWith("report"))
    .map((name) => readFileSync(join(folder, name), "utf8"));

function runScenario(library, setup, script, entry) {
  const [name, status] = entry.split("=");
  const folder = mkdtempSync(join(tmpdir(), "starling-rm-sanitize-"));
  const started = Date.now();
  const args = ["--expose-gc", join(root, "test", "native", script), name];
  const child = spawnSync(process.execPath, args, {
    input: JSON.stringify(setup),
    encoding: "utf8",
    timeout: TIME_LIMIT_MS,
    maxBuffer: 64 * 1024 * 1024,
    // A process that is cut short leaves everything where it is.
    env: environment(library, join(folder, "report"), status === undefined),
  });
  const reports = readReports(folder);
  rmSync(folder, { recursive: true, force: true });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const ended = child.signal ?? child.status;
  const found = reports.flatMap(findings);
  const expected = ended === Number(status ?? 0) || (reports.length > 0 && ended === FOUND_STATUS);
  const passed = found.length === 0 && child.error === undefined && expected;
  console.log(`  ${passed ? "ok  " : "FAIL"} ${basename(script, "-child.mjs")}: ${name} (${seconds} s)`);
  if (!passed) console.log(`${child.error?.message ?? `ended with ${ended}`}\n${found.join("\n")}\n${child.stderr}`);
  return passed;
}

async function sanitize(sanitizer) {
  const { says } = SANITIZERS[sanitizer];
  const library = findRuntimeLibrary(SANITIZERS[sanitizer]);
  if (library.missing !== undefined) {
    console.log(`${sanitizer}: skipped, for ${library.missing}.`);
    return true;
  }
  const { path, seconds } = buildAddon({ sanitize: sanitizer });
  console.log(`${sanitizer}: ${says}; the addon was built in ${seconds.toFixed(1)} s.`);
  mkdirSync(join(root, "build"), { recursive: true });
  const folder = mkdtempSync(join(root, "build", "sanitize-model-"));
  let failed = 0;
  let run = 0;
  try {
    const setup = await makeSetup(folder, path);
    for (const [script, entries] of Object.entries(SCENARIOS))
      for (const entry of entries) {
        run++;
        if (!runScenario(library.path, setup, script, entry)) failed++;
      }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${sanitizer}: ${run} scenarios, ${failed === 0 ? "nothing found" : `${failed} with findings`}.`);
  return failed === 0;
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in SANITIZERS));
if (unknown !== undefined) {
  console.error(`There is no sanitizer "${unknown}": use ${Object.keys(SANITIZERS).join(" or ")}, or none for both.`);
  process.exitCode = 2;
} else if (!existsSync(join(root, "dist", "src", "convert", "convert.js"))) {
  console.error("dist/ is missing, which makes the scenarios' model: run npm run build:ts.");
  process.exitCode = 2;
} else {
  try {
    for (const name of wanted.length === 0 ? Object.keys(SANITIZERS) : wanted)
      if (!(await sanitize(name))) process.exitCode = 1;
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    process.exitCode = 1;
  }
}
