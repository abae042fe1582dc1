import { expect, it } from "vitest";
import { permuteHeads } from "../../../src/convert/permute.ts";

it.each([
  [1, 2, 1],
  [2, 4, 3],
  [7, 6, 5],
  [3, 128, 2],
])("puts rows where llama.cpp turns neighbours (%i heads of %i rows of %i bytes)", (heads, headDim, rowBytes) => {
  const rows = heads * headDim;
  const source = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) source.fill(row % 251, row * rowBytes, (row + 1) * rowBytes);
  const target = permuteHeads(source, headDim, rowBytes);
  // The definition: reshape(heads, 2, headDim / 2, …), swap the two inner axes.
  for (let head = 0; head < heads; head++)
    for (let half = 0; half < 2; half++)
      for (let j = 0; j < headDim / 2; j++) {
        const from = head * headDim + half * (headDim / 2) + j;
        const to = head * headDim + 2 * j + half;
        expect(target[to * rowBytes]).toBe(from % 251);
        expect(target[(to + 1) * rowBytes - 1]).toBe(from % 251);
      }
});

it("refuses anything but whole heads of an even size", () => {
  expect(() => permuteHeads(new Uint8Array(6), 3, 1)).toThrow(RangeError);
  expect(() => permuteHeads(new Uint8Array(7), 4, 1)).toThrow(RangeError);
});
