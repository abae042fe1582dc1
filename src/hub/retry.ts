/** Retries of failed requests: which failures are worth one, how long to wait, when to stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../errors.ts";

/** How long requests are retried; tests use shorter times. */
export interface RetryPolicy {
  /** Failed attempts in a row without progress before the request fails; about half a minute with the waits. */
  readonly attempts: number;
  /** The first wait. Each further one doubles, minus a random part of up to one half. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  /** The longest Retry-After that is honoured; a longer one is an error that names it. */
  readonly maxRetryAfterMs: number;
  /** A connection without data for this long is closed. Hubs under load pause for some seconds. */
  readonly stallMs: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 6,
  firstWaitMs: 1_000,
  maxWaitMs: 30_000,
  maxRetryAfterMs: 300_000,
  stallMs: 30_000,
};

/** A failure that another attempt may not have. */
export class TransientError extends Error {
  /** Thrown when no attempt is left. */
  readonly final: HubError;
  /** The wait that the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** No further attempt: the server was never reached. */
  readonly permanent: boolean;

  constructor(final: HubError, options: { retryAfterMs?: number | undefined; permanent?: boolean } = {}) {
    super(final.message, { cause: final });
    this.final = final;
    this.retryAfterMs = options.retryAfterMs;
    this.permanent = options.permanent ?? false;
  }
}

/**
 * Runs `attempt` until it succeeds, fails permanently, or fails too often in a row.
 *
 * @param attempt calls `progressed` when data arrived, which resets the count of failures
 */
export async function withRetries<T>(
  attempt: (progressed: () => void) => Promise<T>,
  retryPolicy: RetryPolicy,
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
      if (!(error instanceof TransientError)) throw error;
      failures += 1;
      if (error.permanent || failures >= retryPolicy.attempts) throw error.final;
      await waitFor(error.retryAfterMs ?? backoff(failures, retryPolicy), error, retryPolicy, signal);
    }
  }
}

/** Randomised: clients that failed together should not all return at the same moment. */
function backoff(failures: number, { firstWaitMs, maxWaitMs }: RetryPolicy): number {
  return Math.min(maxWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
}

async function waitFor(
  ms: number,
  why: TransientError,
  { maxRetryAfterMs }: RetryPolicy,
  signal?: AbortSignal,
): Promise<void> {
  if (ms > maxRetryAfterMs)
    throw new HubError(
      why.final.code,
      `${why.final.message} It asks to wait ${Math.ceil(ms / 1000)} s; the limit is ${Math.ceil(maxRetryAfterMs / 1000)} s.`,
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
