// Runs a step in a child process: memory is counted per process, and llama.cpp or a driver may end it or hang.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("child.mjs", import.meta.url));
/** Enough of what was printed last. */
const MAX_CHARACTERS = 2000;
const running = new Set();

/**
 * @param {{ step: string }} task step: a module beside this one
 * @param {{ program?: string, env?: NodeJS.ProcessEnv, limitSeconds?: number }} options program: another Node, or Electron
 * @returns what the step returned, or { problem }
 */
export async function runStep(task, { program = process.execPath, env = process.env, limitSeconds } = {}) {
  const child = spawn(program, [script], { stdio: ["pipe", "pipe", "pipe"], env, windowsHide: true });
  running.add(child);
  let [output, errors, late] = ["", "", false];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors = (errors + text).slice(-MAX_CHARACTERS);
    process.stderr.write(text);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(task));
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ?? code));
    // A process that hangs in the kernel ignores even SIGKILL: we do not wait for it.
    if (limitSeconds !== undefined)
      setTimeout(() => {
        late = true;
        resolve("no answer");
      }, limitSeconds * 1000).unref();
  });
  const end = await ended;
  running.delete(child);
  if (late) {
    release(child);
    return { problem: `The step ${task.step} did not end within ${limitSeconds} seconds. ${errors.trim()}`.trim() };
  }
  if (end !== 0) return { problem: errors.trim() || `the process ended with ${end}` };
  try {
    return JSON.parse(output);
  } catch {
    return { problem: `The step ${task.step} printed no JSON: ${output.slice(0, MAX_CHARACTERS)}` };
  }
}

function release(child) {
  child.kill("SIGKILL");
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
}

/** Ends what still runs. */
export function stopSteps() {
  for (const child of running) release(child);
}
