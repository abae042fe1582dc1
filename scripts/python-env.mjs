// Makes build/python, the virtual environment in which test/cli/ray.test.ts runs the tests of integrations/ray. Run by
// `npm run python-env`; .ci/run does. It downloads Ray (240 MB with all it needs) and whatever else requirements-test.txt pins. Where
// there is no Python or no package index, it says so, and those tests are skipped. Users need none of it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "build", "python");
const requirements = join(root, "integrations", "ray", "requirements-test.txt");
/** What was installed: newer pins are installed again. */
const record = join(folder, "installed.txt");
/** Python versions that the pinned packages have wheels for. */
const PYTHONS = ["python3.11", "python3.12", "python3.13", "python3"];
const OLDEST = [3, 11];
/** A minute on a quiet machine. */
const MAX_INSTALL_MS = 300_000;

/** The environment's Python. */
export const pythonPath = join(folder, "bin", "python");

/** Why the environment cannot be used; undefined where it can. */
export function missingPython() {
  if (process.platform !== "linux") return "Ray is tested on Linux only";
  if (!existsSync(record)) return "build/python is not there: `npm run python-env` makes it, from Python 3.11 and PyPI";
  if (readFileSync(record, "utf8") !== readFileSync(requirements, "utf8"))
    return "build/python has other versions than requirements-test.txt: run `npm run python-env`";
  return undefined;
}

function findPython() {
  const script = `import sys, venv; sys.exit(sys.version_info < (${OLDEST.join(", ")}))`;
  return PYTHONS.find((name) => spawnSync(name, ["-c", script], { stdio: "ignore" }).status === 0);
}

/** @returns why there is no environment; undefined where there is one */
function makeEnvironment() {
  if (missingPython() === undefined) return undefined;
  if (process.platform !== "linux") return missingPython();
  const python = findPython();
  if (python === undefined) return `no Python ${OLDEST.join(".")} or newer with venv is on the PATH`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  const steps = [
    [python, ["-m", "venv", folder]],
    [
      pythonPath,
      [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--retries=2",
        "--only-binary=:all:",
        "-r",
        requirements,
      ],
    ],
  ];
  for (const [program, words] of steps) {
    const { status, signal, stderr } = spawnSync(program, words, { encoding: "utf8", timeout: MAX_INSTALL_MS });
    if (status === 0) continue;
    rmSync(folder, { recursive: true, force: true });
    const how = signal === null ? `ended with ${status}` : `was stopped after ${MAX_INSTALL_MS / 1000} s`;
    return `${program} ${words.slice(0, 3).join(" ")} ${how}: ${stderr?.trim().split("\n").at(-1)}`;
  }
  writeFileSync(record, readFileSync(requirements, "utf8"));
  return undefined;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const reason = makeEnvironment();
  if (reason !== undefined) {
    console.error(`build/python was not made: ${reason}.`);
    process.exitCode = 1;
  }
}
