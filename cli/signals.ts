/** Ctrl-C: the first stops the work after the current line, the second ends the process. */

import { Interrupted } from "./errors.ts";
import { endProcess } from "./library.ts";

const signals = {
  SIGINT: ["Ctrl-C", 130],
  SIGTERM: ["SIGTERM", 143],
  // On Windows: its console window is closed.
  SIGHUP: ["SIGHUP", 129],
  ...(process.platform === "win32" ? { SIGBREAK: ["Ctrl-Break", 149] as const } : {}),
} as const;

/** Work that has not stopped by then (a stalled reader, llama.cpp's quantiser) is abandoned. */
const MAX_STOPPING_MS = 500;

export interface SignalWatch {
  /** Aborted, with {@link Interrupted} as its reason, by the first signal. */
  readonly signal: AbortSignal;
  /**
   * For a command that ends by itself: the first signal aborts what this returns, and is no failure. The second ends the process.
   */
  drain(): AbortSignal;
  /** Restores the default handling. */
  end(): void;
}

/** @param leave called with the reason, just before the process ends without waiting */
export function watchSignals(leave: (reason: string) => void): SignalWatch {
  const controller = new AbortController();
  let draining: AbortController | undefined;
  const exit = ({ message, exitCode, signal }: Interrupted) => {
    leave(message);
    void endProcess(exitCode, signal);
  };
  const listeners = Object.entries(signals).map(([name, [shown, code]]) => {
    const interrupted = new Interrupted(shown, code, name as NodeJS.Signals);
    const listener = () => {
      if (draining !== undefined && !draining.signal.aborted) {
        draining.abort(interrupted);
        return;
      }
      if (draining !== undefined || controller.signal.aborted) exit(interrupted);
      controller.abort(interrupted);
      setTimeout(exit, MAX_STOPPING_MS, interrupted);
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    drain() {
      draining ??= new AbortController();
      return draining.signal;
    },
    end() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
