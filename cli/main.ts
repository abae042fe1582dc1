#!/usr/bin/env node
import { Interrupted } from "./errors.ts";
/** The entry point of the command `starling-rm`. */
import { endProcess } from "./library.ts";
import { run } from "./program.ts";
import { watchSignals } from "./signals.ts";
import { Terminal } from "./terminal.ts";

/** A read that cannot be cancelled (of a named pipe) must not keep the process alive. */
const MAX_LINGERING_MS = 200;

const terminal = new Terminal();
const { signal, drain, end } = watchSignals((reason) => {
  terminal.endStatus();
  terminal.say(reason);
});
// The failed write reports an error of standard output; a closed stderr does not stop the work.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

// The library's warnings are printed like every other line, Node's own as usual.
const printWarning = process.listeners("warning");
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name === "StarlingWarning") terminal.say(warning.message);
  else {
    terminal.hideStatus();
    for (const print of printWarning) print(warning);
  }
});

process.exitCode = await run(process.argv.slice(2), { terminal, signal, drain });
// The system has everything that was written.
if (signal.reason instanceof Interrupted) await endProcess(process.exitCode, signal.reason.signal);
end();
setTimeout(() => process.exit(), MAX_LINGERING_MS).unref();
