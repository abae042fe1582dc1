import { expect, it } from "vitest";
import { headNotice } from "../../../src/scoring/head-notice.ts";

const fit = { model: "a", modelSha256: "0".repeat(64), cases: 10, ridge: 1 };
const head = { path: "mine.gguf", name: "A head" };

it("warns of a head that was fitted to another model", () => {
  expect(headNotice({ name: "b", head, fit })).toMatch(/mine\.gguf was fitted to a, and the model here is b/);
  expect(headNotice({ name: "a", head, fit })).toBeUndefined();
  // A head inside of a model was put there on purpose, and a head file may not say what it was fitted to.
  expect(headNotice({ name: "b", fit })).toBeUndefined();
  expect(headNotice({ name: "b", head })).toBeUndefined();
});
