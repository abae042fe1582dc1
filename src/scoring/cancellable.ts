/** Native jobs and abort signals. */
import type { CancellableJob } from "../native/addon.ts";

/**
 * Waits for a native job, and cancels it when the signal is aborted; then the promise rejects with the signal's reason.
 *
 * @param explain turns the native error into the one to throw
 */
export async function cancellable<T>(
  job: CancellableJob<T>,
  signal: AbortSignal | undefined,
  explain: (error: unknown) => unknown,
): Promise<T> {
  const onAbort = () => job.cancel();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Waits for what cannot be cancelled, or rejects with the signal's reason once it is aborted. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
