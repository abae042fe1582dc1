// Runs the addon's scenarios under a sanitizer: `npm run sanitize` for both, `npm run sanitize -- address` (AddressSanitizer
// and UndefinedBehaviorSanitizer) or `-- thread` (ThreadSanitizer) for one. Only the addon is instrumented, not Node or
// llama.cpp, so only findings in our own code count.
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

/** Scripts in test/native and their scenarios, each with its exit status (0 unless given). */
const SCENARIOS = {
  "work-child.mjs": ["score", "prefillKernels", "cancel", "closeWhileBusy", "quantizeRows", "hostileTexts"],
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

/** A scenario takes seconds; one that takes longer than this hangs. */
const TIME_LIMIT_MS = 300_000;
/** The exit status of a process with a finding; no scenario uses it. */
const FOUND_STATUS = 99;
/** The checkpoint of test/native/support.ts, and its width. */
const CHECKPOINT = join(root, "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const WIDTH = 256;

/** The path of the sanitizer's runtime library, which is preloaded into Node, or why it is missing. */
function findRuntimeLibrary({ runtime, says }) {
  if (process.platform !== "linux") return { missing: `${says} is only used on Linux` };
  const compiler = process.env.CXX || "c++";
  const { stdout, error } = spawnSync(compiler, [`-print-file-name=${runtime}`], { encoding: "utf8" });
  const path = stdout?.trim() ?? "";
  if (error === undefined && isAbsolute(path) && existsSync(path)) return { path };
  return { missing: `${compiler} has no runtime library for ${says} (${runtime} of GCC)` };
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
    // At exit our threads end (exit_guard), but nothing joins them.
    TSAN_OPTIONS: `${common}:report_signal_unsafe=0:report_thread_leaks=0`,
  };
}

/** Frames on top of a stack that belong to the sanitizer or the C++ library, parts of which Node exports. */
const SKIPPED_FRAMES = /libsanitizer|\/include\/c\+\+\/|#\d+ (?:0x[0-9a-f]+ in )?(?:std|__gnu_cxx)::/;

/** Whether the top of a stack is in the addon. */
function isOurs(stack) {
  const frames = stack.split("\n").filter((line) => /^\s*#\d+ /.test(line));
  const top = frames.find((frame) => !SKIPPED_FRAMES.test(frame));
  return (
    top !== undefined &&
    (/\bstarling::/.test(top) || top.includes(join(root, "native")) || top.includes("starling_rm.node"))
  );
}

/**
 * Only the stacks of the two accesses count; the stacks after them show where threads and memory were created. Races on file
 * descriptors do not count: Node's threads, which are not instrumented, reuse the numbers.
 */
function isOurRace(race) {
  const accesses = race
    .split("\n\n")
    .filter((part) => /^\s*(?:WARNING:.*\n\s*)?(?:\w+ )*(?:read|write) of size/im.test(part));
  return accesses.some(isOurs) && !race.includes("Location is file descriptor");
}

/**
 * The findings of a report that concern the addon. Node, V8 and llama.cpp are not instrumented: memory that they keep until
 * the process ends looks like a leak, and their own synchronisation like a race. All other reports count.
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
    // A process that exits early frees nothing.
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
    console.log(`${sanitizer}: skipped: ${library.missing}.`);
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
  console.error(`Unknown sanitizer "${unknown}": use ${Object.keys(SANITIZERS).join(" or ")}, or nothing for both.`);
  process.exitCode = 2;
} else if (!existsSync(join(root, "dist", "src", "convert", "convert.js"))) {
  console.error("dist/ is missing; it converts the model for the scenarios. Run npm run build:ts.");
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
