/** Ctrl-C: the first one stops the work and lets the current line be finished, the second one ends the process. */

import { Interrupted } from "./errors.ts";
import { endProcess } from "./library.ts";

const signals = { SIGINT: ["Ctrl-C", 130], SIGTERM: ["SIGTERM", 143], SIGHUP: ["SIGHUP", 129] } as const;

/** Work that does not stop by then (a stalled reader, llama.cpp's quantiser) is left behind: all is over in a second. */
const MAX_STOPPING_MS = 500;

export interface SignalWatch {
  /** Aborted, with {@link Interrupted} as its reason, by the first signal. */
  readonly signal: AbortSignal;
  /** Gives the signals back their usual effect. */
  end(): void;
}

/** @param leave called before the process ends without waiting any more, with the reason in words */
export function watchSignals(leave: (reason: string) => void): SignalWatch {
  const controller = new AbortController();
  const exit = ({ message, exitCode, signal }: Interrupted) => {
    leave(message);
    void endProcess(exitCode, signal);
  };
  const listeners = Object.entries(signals).map(([name, [shown, code]]) => {
    const interrupted = new Interrupted(shown, code, name as NodeJS.Signals);
    const listener = () => {
      if (controller.signal.aborted) exit(interrupted);
      controller.abort(interrupted);
      setTimeout(exit, MAX_STOPPING_MS, interrupted);
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    end() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
