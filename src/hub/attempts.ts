/** Trying again: what may be tried again, how long is waited before, and when it is given up. */
import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../errors.ts";

/** How patient we are; tests use shorter times. */
export interface Patience {
  /** Attempts in a row that bring nothing before it is given up. With the waits between them: about half a minute. */
  readonly attempts: number;
  /** The first wait; each further one is twice as long, with up to half of it left out at random. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  /** The longest wait that a server may ask for; it is told when it asks for more. */
  readonly maxRetryAfterMs: number;
  /** A connection on which nothing comes for so long is given up. Hubs under load pause for some seconds. */
  readonly stallMs: number;
}

export const PATIENCE: Patience = {
  attempts: 6,
  firstWaitMs: 1_000,
  maxWaitMs: 30_000,
  maxRetryAfterMs: 300_000,
  stallMs: 30_000,
};

/** Something that may go better next time. */
export class Transient extends Error {
  /** What is thrown when it does not. */
  readonly final: HubError;
  /** What the server asked to wait. */
  readonly retryAfterMs: number | undefined;
  /** Further attempts are worthless: nobody was ever there. */
  readonly hopeless: boolean;

  constructor(final: HubError, options: { retryAfterMs?: number | undefined; hopeless?: boolean } = {}) {
    super(final.message, { cause: final });
    this.final = final;
    this.retryAfterMs = options.retryAfterMs;
    this.hopeless = options.hopeless ?? false;
  }
}

/**
 * Runs `attempt` until it succeeds, fails for good, or fails too often in a row.
 *
 * @param attempt calls `progressed` when something came of it, so that the count begins anew
 */
export async function persist<T>(
  attempt: (progressed: () => void) => Promise<T>,
  patience: Patience,
  signal?: AbortSignal,
): Promise<T> {
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      failures += 1;
      if (error.hopeless || failures >= patience.attempts) throw error.final;
      await waitFor(error.retryAfterMs ?? backoff(failures, patience), error, patience, signal);
    }
  }
}

/** Random, so that many that failed together do not all come back together. */
function backoff(failures: number, { firstWaitMs, maxWaitMs }: Patience): number {
  return Math.min(maxWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
}

async function waitFor(ms: number, why: Transient, { maxRetryAfterMs }: Patience, signal?: AbortSignal): Promise<void> {
  if (ms > maxRetryAfterMs)
    throw new HubError(
      why.final.code,
      `${why.final.message} It asks for a pause of ${Math.ceil(ms / 1000)} s; the longest that is waited is ${Math.ceil(maxRetryAfterMs / 1000)} s.`,
      { cause: why.final },
    );
  await pause(ms, signal);
}

/** @throws the signal's reason as soon as it is aborted */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** A Retry-After header: seconds or a date. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
