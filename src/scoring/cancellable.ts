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
