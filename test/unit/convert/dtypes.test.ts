import { describe, expect, it } from "vitest";
import {
  convertFloats,
  type FloatType,
  f16ToF32Bits,
  f32ToBf16Bits,
  f32ToF16Bits,
  firstNonFinite,
  floatAt,
} from "../../../src/checkpoint/dtypes.ts";

const view = new DataView(new ArrayBuffer(4));

function toFloat(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

function toBits(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

/** By the definition of the format, in exact doubles. */
function f16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The values for which a statement does not hold: one expectation, not 65536, which take seconds. */
function failures(numbers: Iterable<number>, holds: (value: number) => boolean): string[] {
  return [...numbers].filter((value) => !holds(value)).map((value) => value.toString(16));
}

const all = Array.from({ length: 0x10000 }, (_, i) => i);

describe("f16", () => {
  it("widens all 65536 values as the format defines them", () => {
    expect(failures(all, (half) => Object.is(toFloat(f16ToF32Bits(half)), f16Value(half)))).toEqual([]);
  });

  it("gives every value back after widening; NaN stays NaN", () => {
    const holds = (half: number) => {
      const back = f32ToF16Bits(f16ToF32Bits(half));
      return Number.isNaN(f16Value(half)) ? (back & 0x7fff) > 0x7c00 : back === half;
    };
    expect(failures(all, holds)).toEqual([]);
  });

  it.each([0, 0x8000])(
    "rounds every tie to the even neighbour, and its f32 neighbours to the nearer one (sign %i)",
    (sign) => {
      const holds = (half: number) => {
        const middle = (toBits((f16Value(half) + f16Value(half + 1)) / 2) | (sign << 16)) >>> 0;
        return (
          f32ToF16Bits(middle) === (sign | (half % 2 === 0 ? half : half + 1)) &&
          f32ToF16Bits(middle - 1) === (sign | half) &&
          f32ToF16Bits(middle + 1) === (sign | (half + 1))
        );
      };
      expect(failures(all.slice(0, 0x7bff), holds)).toEqual([]);
    },
  );

  it("becomes infinite from 65520 on", () => {
    expect(f32ToF16Bits(toBits(65519.996))).toBe(0x7bff);
    expect(f32ToF16Bits(toBits(65520))).toBe(0x7c00);
    expect(f32ToF16Bits(toBits(-3e38))).toBe(0xfc00);
    expect(f32ToF16Bits(0x7f800001) & 0x7fff).toBeGreaterThan(0x7c00);
  });
});

describe("bf16", () => {
  it("gives all 65536 values back after widening; NaN stays NaN", () => {
    const holds = (bits: number) => {
      const wide = (bits << 16) >>> 0;
      return Number.isNaN(toFloat(wide)) ? (f32ToBf16Bits(wide) & 0x7fff) > 0x7f80 : f32ToBf16Bits(wide) === bits;
    };
    expect(failures(all, holds)).toEqual([]);
  });

  it.each([0, 0x8000])(
    "rounds every tie to the even neighbour, subnormals and the step to infinity included (sign %i)",
    (sign) => {
      const holds = (bits: number) => {
        const middle = (sign | bits) * 0x10000 + 0x8000;
        return (
          f32ToBf16Bits(middle) === (sign | (bits % 2 === 0 ? bits : bits + 1)) &&
          f32ToBf16Bits(middle - 1) === (sign | bits) &&
          f32ToBf16Bits(middle + 1) === (sign | (bits + 1))
        );
      };
      expect(failures(all.slice(0, 0x7f80), holds)).toEqual([]);
    },
  );

  it("keeps NaN from becoming infinity", () => {
    expect(f32ToBf16Bits(0x7f800001)).toBe(0x7fc0);
    expect(f32ToBf16Bits(0xffffffff)).toBe(0xffff);
  });
});

describe("convertFloats", () => {
  const halves = new Uint8Array(Uint16Array.from(all).buffer);

  it("agrees with the conversion of single values for all pairs of types", () => {
    const pairs: [FloatType, FloatType, (bits: number) => number][] = [
      ["f16", "f32", f16ToF32Bits],
      ["f16", "bf16", (bits) => f32ToBf16Bits(f16ToF32Bits(bits))],
      ["bf16", "f32", (bits) => (bits << 16) >>> 0],
      ["bf16", "f16", (bits) => f32ToF16Bits((bits << 16) >>> 0)],
    ];
    for (const [from, to, single] of pairs) {
      const got = convertFloats(halves, from, to);
      const words = to === "f32" ? new Uint32Array(got.buffer) : new Uint16Array(got.buffer);
      expect(
        all.every((bits) => words[bits] === single(bits)),
        `${from} to ${to}`,
      ).toBe(true);
    }
  });

  it("narrows f32 and works on bytes that start anywhere", () => {
    const source = new Uint8Array(4 * 3 + 1);
    source.set(new Uint8Array(Float32Array.of(1, -2.5, 0.1).buffer), 1);
    const half = convertFloats(source.subarray(1), "f32", "f16");
    expect([...new Uint16Array(half.buffer)]).toEqual([0x3c00, 0xc100, 0x2e66]);
    const brain = convertFloats(source.subarray(1), "f32", "bf16");
    expect([...new Uint16Array(brain.buffer)]).toEqual([0x3f80, 0xc020, 0x3dcd]);
  });

  it("returns equal types untouched and refuses bytes that are not whole values", () => {
    expect(convertFloats(halves, "f16", "f16")).toBe(halves);
    expect(() => convertFloats(new Uint8Array(3), "f16", "f32")).toThrow(RangeError);
  });
});

describe("firstNonFinite", () => {
  it.each<[FloatType, number[], number[]]>([
    ["f32", [0x7f7fffff, 0], [0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff]],
    ["f16", [0x7bff, 0xfbff], [0x7c00, 0xfc00, 0x7e00]],
    ["bf16", [0x7f7f, 0xff7f], [0x7f80, 0xff80, 0x7fc0]],
  ])("finds infinities and NaN in %s", (type, finite, bad) => {
    const words = (list: number[]) => {
      const array = type === "f32" ? Uint32Array.from(list) : Uint16Array.from(list);
      return new Uint8Array(array.buffer);
    };
    expect(firstNonFinite(words(finite), type)).toBe(-1);
    for (const value of bad) expect(firstNonFinite(words([...finite, value, value]), type)).toBe(finite.length);
  });

  it("reads single values back", () => {
    expect(floatAt(new Uint8Array(Uint16Array.of(0, 0xc100).buffer), "f16", 1)).toBe(-2.5);
    expect(floatAt(new Uint8Array(Uint16Array.of(0xc020).buffer), "bf16", 0)).toBe(-2.5);
    expect(floatAt(new Uint8Array(Float32Array.of(3, 4).buffer), "f32", 1)).toBe(4);
  });
});
