/** Scores that are read at the end of the padding: only from an attention mask that was seen and changed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NativeAddon, NativeModel } from "../../src/native/addon.ts";
import { errorOf, load, makeModel, openAddon, removeFolder, sequence } from "./support.ts";

let addon: NativeAddon;
let path: string;
beforeAll(async () => {
  addon = await openAddon();
  path = await makeModel(addon);
});
afterAll(removeFolder);

const LAST_POSITION = 255;
const atPadding = { paddingToken: 0, paddingPosition: LAST_POSITION };
/** Around the number of rows that are computed at once, and up to the row's last position. */
const lengths = [1, 3, 4, 5, 40, 41, 250, 251, 252, 253, 254, 255];
const sequences = lengths.map((length, i) => sequence(length, 40 + i));

const scores = (model: NativeModel, of: readonly Int32Array[]) =>
  Promise.all(model.scoreEach(of).map(({ promise }) => promise));

describe("a score at the end of the padding", () => {
  it("is an error for each sequence where flash attention reads the mask in another form", async () => {
    const model = await load(addon, path, { ...atPadding, flashAttention: true });
    const jobs = model.scoreEach(sequences);
    for (const { promise } of jobs)
      expect((await errorOf(promise)).message).toMatch(/end of the padding: the attention mask .* in 0 of \d+ layers/);
    // Features are read at the same place.
    for (const { promise } of model.features(sequences.slice(0, 2)))
      expect((await errorOf(promise)).message).toContain("attention mask");
    // A longer sequence has no padding behind it: its own last token counts.
    const [long] = await scores(model, [sequence(LAST_POSITION + 1, 7)]);
    expect(long).toBeTypeOf("number");
    await model.close();
  });

  it("is the same alone and in company", async () => {
    const model = await load(addon, path, atPadding);
    const together = await scores(model, sequences);
    for (const [i, one] of sequences.entries()) expect(await scores(model, [one])).toEqual([together[i]]);
    expect(new Set(together).size).toBe(sequences.length);
    await model.close();
  });
});
