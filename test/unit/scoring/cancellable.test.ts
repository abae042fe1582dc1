import { expect, it } from "vitest";
import { unlessAborted } from "../../../src/scoring/cancellable.ts";

it("what cannot be cancelled is waited for until the signal is aborted", async () => {
  const endless = new Promise<never>(() => {});
  const controller = new AbortController();
  const waiting = unlessAborted(endless, controller.signal);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(unlessAborted(endless, controller.signal)).rejects.toThrow("enough");
});

it("without an abort it is as the work ends", async () => {
  const { signal } = new AbortController();
  await expect(unlessAborted(Promise.resolve(1), signal)).resolves.toBe(1);
  await expect(unlessAborted(Promise.resolve(2), undefined)).resolves.toBe(2);
  await expect(unlessAborted(Promise.reject(new Error("wrong")), signal)).rejects.toThrow("wrong");
});
