/** Ctrl-C: the first one stops the work and lets the current line be finished, the second one ends the process. */
import { Interrupted } from "./errors.ts";

const signals = { SIGINT: ["Ctrl-C", 130], SIGTERM: ["SIGTERM", 143], SIGHUP: ["SIGHUP", 129] } as const;

/** Work that does not stop by then (a stalled reader, a step that cannot be cancelled) is left behind. */
const MAX_STOPPING_MS = 900;

export interface SignalWatch {
  /** Aborted, with {@link Interrupted} as its reason, by the first signal. */
  readonly signal: AbortSignal;
  /** Gives the signals back their usual effect. */
  end(): void;
}

/** @param leave called when there is no waiting any more: hides what is on the screen before the process ends */
export function watchSignals(leave: () => void): SignalWatch {
  const controller = new AbortController();
  const exit = (code: number) => {
    leave();
    process.exit(code);
  };
  const listeners = Object.entries(signals).map(([name, [shown, code]]) => {
    const listener = () => {
      if (controller.signal.aborted) exit(code);
      controller.abort(new Interrupted(shown, code));
      setTimeout(exit, MAX_STOPPING_MS, code);
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
