import { expect, it } from "vitest";
import { headNotice } from "../../../src/scoring/head-notice.ts";

const fit = { model: "a", modelSha256: "0".repeat(64), cases: 10, ridge: 1 };
const head = { path: "mine.gguf", name: "A head" };
const [one, two] = ["1".repeat(64), "2".repeat(64)];

it("warns of a head that was fitted to another trunk", () => {
  const foreign = { ...head, trunkSha256: two };
  expect(headNotice({ name: "a", trunkSha256: one, head: foreign, fit })).toMatch(
    /mine\.gguf was fitted to another model, a \(trunk 2{12}, here 1{12}\): its scores may mean nothing/,
  );
  // The names of models say less than their trunks.
  expect(headNotice({ name: "b", trunkSha256: two, head: foreign, fit })).toBeUndefined();
  // A head inside a model was put there on purpose: with the trunk that it was fitted to there is nothing to say.
  expect(headNotice({ name: "b", trunkSha256: one, fit: { ...fit, trunkSha256: one } })).toBeUndefined();
  expect(headNotice({ name: "b", trunkSha256: one, fit: { ...fit, trunkSha256: two } })).toMatch(/the head of b was/);
});

it("says which file has no fingerprint, so that nothing can be checked", () => {
  expect(headNotice({ name: "a", trunkSha256: one, head, fit })).toMatch(
    /^the head mine\.gguf has no .*fit the head again/,
  );
  expect(headNotice({ name: "a", head: { ...head, trunkSha256: one }, fit })).toMatch(/^the model a has no .*convert/);
  expect(headNotice({ name: "a", head })).toMatch(/has no fingerprint/);
  expect(headNotice({ name: "b", head, fit })).toMatch(/mine\.gguf was fitted to a, and the model here is b/);
  expect(headNotice({ name: "b", fit })).toBeUndefined();
});
