/** docs/api is what the docstrings say, and every export and member has one. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generate } from "../../scripts/api-docs/generate.mjs";
import { packageRoot } from "../../src/package-info.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-api-"));
const committed = join(packageRoot(), "docs", "api");
let problem: string | undefined;
beforeAll(() => {
  problem = generate(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("every export and member has a docstring, and every type that they name is exported", () => {
  expect(problem).toBeUndefined();
});

it("docs/api is up to date: npm run docs:api makes it", () => {
  const pages = readdirSync(folder);
  expect(readdirSync(committed)).toEqual(pages);
  const stale = pages.filter(
    (page) => readFileSync(join(committed, page), "utf8") !== readFileSync(join(folder, page), "utf8"),
  );
  expect(stale).toEqual([]);
});
