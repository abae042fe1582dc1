/** How many layers fit, on invented devices. */
import { describe, expect, it } from "vitest";
import type { NativeDevice } from "../../../src/native/addon.ts";
import {
  DEVICE_RESERVE_BYTES,
  devicesOf,
  type FitDevice,
  fitDevice,
  fitLayers,
  fitsDevices,
  metalWorkingSet,
  placeLayers,
} from "../../../src/scoring/gpu-fit.ts";

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;
/** Ten layers of 100 MiB with 10 MiB of keys and values, an embedding of 50, and 20 to compute in. */
const parts = {
  layers: new Array<number>(10).fill(100 * MEBIBYTE),
  embedding: 50 * MEBIBYTE,
  keyValue: 10 * MEBIBYTE,
  compute: 20 * MEBIBYTE,
};
const gpu = (name: string, free: number | undefined, shared = false): FitDevice => ({
  name,
  free: free === undefined ? undefined : free * MEBIBYTE,
  shared,
});
const needs = (fit: { perDevice: readonly { need: number }[] }) => fit.perDevice.map(({ need }) => need / MEBIBYTE);

describe("placeLayers", () => {
  it("puts the last layers on the device, the output as one of them", () => {
    const one = placeLayers(parts, [gpu("A", 9999)], 1);
    expect([one.layers, needs(one), one.host / MEBIBYTE]).toEqual([0, [50 + 20], 50 + 10 * 110 + 20]);
    const three = placeLayers(parts, [gpu("A", 9999)], 3);
    expect([needs(three), three.host / MEBIBYTE]).toEqual([[50 + 2 * 110 + 20], 50 + 8 * 110 + 20]);
    const all = placeLayers(parts, [gpu("A", 9999)], 11);
    expect([all.layers, needs(all), all.host / MEBIBYTE]).toEqual([10, [50 + 10 * 110 + 20], 50 + 20]);
    expect(placeLayers(parts, [gpu("A", 9999)], 1000)).toEqual(all);
  });

  it("needs nothing of devices without layers", () => {
    const none = placeLayers(parts, [gpu("A", 1)], 0);
    expect([none.layers, needs(none), none.host / MEBIBYTE]).toEqual([0, [0], 50 + 10 * 110 + 20]);
    expect(placeLayers(parts, [], 11)).toMatchObject({ gpuLayers: 0, perDevice: [] });
  });

  it("shares them out by free memory, as llama.cpp does", () => {
    // 11 parts over 3 : 1. Layer i goes to the first device whose bound is above i / 11: 0..8 are below 0.75.
    const two = placeLayers(parts, [gpu("A", 3000), gpu("B", 1000)], 11);
    expect(needs(two)).toEqual([9 * 110 + 20, 110 + 50 + 20]);
    const reversed = placeLayers(parts, [gpu("A", 1000), gpu("B", 3000)], 11);
    expect(needs(reversed)).toEqual([3 * 110 + 20, 7 * 110 + 50 + 20]);
    const unknown = placeLayers(parts, [gpu("A", 1000), gpu("B", undefined)], 10);
    expect(needs(unknown)).toEqual([5 * 110 + 20, 4 * 110 + 50 + 20]);
    expect(needs(placeLayers(parts, [gpu("A", 0), gpu("B", 0)], 11))[0]).toBeGreaterThan(0);
  });

  it("loses and doubles nothing, over any number of devices", () => {
    const total = (devices: FitDevice[], n: number) => {
      const fit = placeLayers({ ...parts, compute: 0 }, devices, n);
      return fit.host + needs(fit).reduce((sum, need) => sum + need * MEBIBYTE, 0);
    };
    const devices = [gpu("A", 700), gpu("B", 100), gpu("C", undefined), gpu("D", 1)];
    for (let n = 1; n <= 11; n++)
      for (let count = 1; count <= 4; count++)
        // The output's copy of the embedding is the only thing that lies twice.
        expect(total(devices.slice(0, count), n)).toBe((2 * 50 + 10 * 110) * MEBIBYTE);
  });

  it("counts memory that a device shares with the machine there, once", () => {
    const unified = placeLayers(parts, [gpu("MTL0", 9999, true)], 11);
    expect(unified.host / MEBIBYTE).toBe(50 + 20 + (needs(unified)[0] ?? 0));
  });
});

describe("fitLayers", () => {
  const reserve = DEVICE_RESERVE_BYTES / MEBIBYTE;
  it("takes as many as fit beside the reserve, to the byte", () => {
    const all = 50 + 10 * 110 + 20;
    expect(fitLayers(parts, [gpu("A", all + reserve)]).gpuLayers).toBe(11);
    expect(fitLayers(parts, [{ ...gpu("A", 0), free: (all + reserve) * MEBIBYTE - 1 }]).gpuLayers).toBe(10);
    expect(fitLayers(parts, [gpu("A", 50 + 4 * 110 + 20 + reserve)]).layers).toBe(4);
  });

  it("takes none where not even one fits", () => {
    expect(fitLayers(parts, [gpu("A", 50 + 110 + 20 + reserve - 1)])).toMatchObject({ gpuLayers: 0, layers: 0 });
    expect(fitLayers(parts, [gpu("A", 0)]).gpuLayers).toBe(0);
    expect(fitLayers(parts, [])).toMatchObject({ gpuLayers: 0 });
  });

  it("places all layers on a device of unknown memory", () => {
    expect(fitLayers(parts, [gpu("A", undefined)]).gpuLayers).toBe(11);
  });

  it("never asks any of several devices for more than it has", () => {
    for (let a = 0; a <= 2400; a += 150)
      for (let b = 0; b <= 2400; b += 150) {
        const devices = [gpu("A", a), gpu("B", b)];
        const fit = fitLayers(parts, devices);
        expect(fitsDevices(fit, DEVICE_RESERVE_BYTES)).toBe(true);
        for (let more = fit.gpuLayers + 1; more <= 11; more++)
          if (more > 1) expect(fitsDevices(placeLayers(parts, devices, more), DEVICE_RESERVE_BYTES)).toBe(false);
      }
  });

  it("splits more over two small devices than over one of them", () => {
    const small = gpu("A", 700 + reserve);
    expect(fitLayers(parts, [small]).layers).toBe(5);
    expect(fitLayers(parts, [small, { ...small, name: "B" }]).layers).toBe(10);
  });
});

describe("fitDevice", () => {
  const device = (changes: Partial<NativeDevice>): NativeDevice => ({
    name: "CUDA0",
    description: "NVIDIA",
    type: "gpu",
    memoryFree: 5 * GIBIBYTE,
    memoryTotal: 8 * GIBIBYTE,
    ...changes,
  });

  it("uses what the device reports, also that nothing is free", () => {
    expect(fitDevice(device({}), 64 * GIBIBYTE)).toEqual({ name: "CUDA0", free: 5 * GIBIBYTE, shared: false });
    expect(fitDevice(device({ memoryFree: 0 }), 64 * GIBIBYTE).free).toBe(0);
    expect(fitDevice(device({ memoryFree: 0, memoryTotal: 0 }), 64 * GIBIBYTE).free).toBeUndefined();
    expect(fitDevice(device({ memoryFree: 9 * GIBIBYTE }), 0).free).toBe(8 * GIBIBYTE);
  });

  it("on a Mac uses Metal's working set, reported or by the rule", () => {
    const reported = fitDevice(
      device({ name: "MTL0", memoryFree: 100 * GIBIBYTE, memoryTotal: 107 * GIBIBYTE }),
      128 * GIBIBYTE,
    );
    expect(reported).toEqual({ name: "MTL0", free: 100 * GIBIBYTE, shared: true });
    const silent = fitDevice(device({ name: "MTL0", memoryFree: 0, memoryTotal: 0 }), 36 * GIBIBYTE);
    expect(silent).toEqual({ name: "MTL0", free: 27 * GIBIBYTE, shared: true });
  });

  it.each([
    // Of logs of llama.cpp: recommendedMaxWorkingSetSize in MiB.
    [8, 5461],
    [16, 10922],
    [32, 21845],
    [36, 27648],
    [64, 49152],
  ])("knows what a Mac with %i GiB recommends", (gibibytes, mebibytes) => {
    expect(Math.floor(metalWorkingSet(gibibytes * GIBIBYTE) / MEBIBYTE)).toBe(mebibytes);
  });
});

it("uses the main device alone in the split mode none", () => {
  const devices = ["A", "B", "C"];
  expect(devicesOf(devices, "none", 1)).toEqual(["B"]);
  expect(devicesOf(devices, "layer", 1)).toEqual(devices);
});
