import { describe, expect, it } from "vitest";
import { dialects } from "../../../src/server/dialects/index.ts";
import { randomFrom } from "./random-json.ts";
import { serveOnce } from "./serve-once.ts";

const BODIES_PER_PATH = 200;
const paths = [...new Set(dialects.flatMap((dialect) => dialect.paths))];

describe("any JSON at any path", () => {
  it.each(paths)("%s answers 200, or refuses in its dialect's shape", (path) => {
    const random = randomFrom(path);
    for (let i = 0; i < BODIES_PER_PATH; i += 1) {
      const body = random.body();
      const shown = JSON.stringify(body);
      // An error that is not the client's fault would be thrown here.
      const {
        status,
        dialect,
        body: answer,
        items,
      } = serveOnce(path, body, { rawText: i % 2 === 0 ? "exact" : "chat" });
      if (status === 200) {
        expect(
          items.every(({ name }) => name !== ""),
          shown,
        ).toBe(true);
        continue;
      }
      expect(status, shown).toBe(dialect.invalidStatus ?? 400);
      expect(messageIn(answer), shown).toMatch(/\.$/);
    }
  });

  it("accepts a good many of them", () => {
    const random = randomFrom("all");
    const statuses = paths.flatMap((path) => Array.from({ length: 50 }, () => serveOnce(path, random.body()).status));
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(statuses.length / 50);
  });
});

/** Where the dialects write it. */
function messageIn(answer: unknown): string {
  const { message, detail, error } = answer as Record<string, unknown>;
  const nested = typeof error === "object" && error !== null ? (error as { message?: unknown }).message : error;
  return String(message ?? detail ?? nested);
}
