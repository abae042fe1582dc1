#!/usr/bin/env node
import { Interrupted } from "./errors.ts";
/** The entry of the command `starling-rm`. */
import { endProcess } from "./library.ts";
import { run } from "./program.ts";
import { watchSignals } from "./signals.ts";
import { Terminal } from "./terminal.ts";

/** A read that cannot be cancelled (of a named pipe) would keep the process alive for nothing. */
const MAX_LINGERING_MS = 200;

const terminal = new Terminal();
const { signal, end } = watchSignals((reason) => {
  terminal.endStatus();
  terminal.say(reason);
});
// Failures of standard output are met by the write that they happened to; a closed stderr is no reason to stop.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

// The library's warnings look like every other line; Node's own stay as they are.
const printWarning = process.listeners("warning");
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name === "StarlingWarning") terminal.say(warning.message);
  else for (const print of printWarning) print(warning);
});

process.exitCode = await run(process.argv.slice(2), { terminal, signal });
// Everything that was written is with the system by now.
if (signal.reason instanceof Interrupted) await endProcess(process.exitCode, signal.reason.signal);
end();
setTimeout(() => process.exit(), MAX_LINGERING_MS).unref();
