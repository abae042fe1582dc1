import { expect, it } from "vitest";
import { howItEnded } from "../../../src/server/scoring/end-reason.ts";

const end = (changes: Partial<Parameters<typeof howItEnded>[0]>) =>
  howItEnded({ code: null, signal: null, printed: "", ...changes });

it.each([
  [{ signal: "SIGKILL" }, "was ended by SIGKILL (perhaps the system ran out of memory, or someone ended it)"],
  [{ signal: "SIGUSR2" }, "was ended by SIGUSR2"],
  [{ code: 1 }, "ended with exit code 1"],
  [{ code: 0xc0000005 }, "crashed (0xC0000005)"],
  [{ code: 1, printed: "first\nlast\n\n" }, "ended with exit code 1; last output: last"],
  [{ code: 1, printed: "Error: no\n    at file\n" }, "ended with exit code 1; last output: Error: no"],
  [
    { signal: "SIGABRT", printed: "ggml.c:12: GGML_ASSERT(n > 0) failed\nfatal error\n  at 0x12\n" },
    "was ended by SIGABRT (a check inside llama.cpp or a driver failed); last output: ggml.c:12: GGML_ASSERT(n > 0) failed",
  ],
] as const)("%j in words", (changes, words) => {
  expect(end(changes)).toBe(words);
});

it("shows only the beginning of a long line", () => {
  expect(end({ code: 1, printed: "x".repeat(4000) }).length).toBeLessThan(400);
});
