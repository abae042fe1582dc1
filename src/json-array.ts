/** Typed arrays in results that are written as JSON. */

/** The same array, which JSON.stringify now writes as an array of numbers, and not as an object with a key for each index. */
export function jsonArray<Numbers extends Int32Array | Float32Array>(numbers: Numbers): Numbers {
  return Object.defineProperty(numbers, "toJSON", { value: toNumbers });
}

function toNumbers(this: Iterable<number>): number[] {
  return Array.from(this);
}
