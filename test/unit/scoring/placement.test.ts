/** Where a 34B model goes on invented machines, before anything is loaded. */
import { describe, expect, it } from "vitest";
import type { NativeDevice } from "../../../src/native/addon.ts";
import { loadAddon } from "../../../src/native/load-addon.ts";
import type { Check } from "../../../src/options.ts";
import { metalWorkingSet } from "../../../src/scoring/gpu-fit.ts";
import { loadOptionChecks } from "../../../src/scoring/load-options.ts";
import type { ModelFile } from "../../../src/scoring/model-file.ts";
import {
  assertPlacementFits,
  type Place,
  type Placement,
  placeModel,
  placeWithin,
} from "../../../src/scoring/placement.ts";
import type { LoadRewardModelOptions } from "../../../src/scoring/types.ts";
import { llama } from "../../../src/trunk/llama.ts";

const GIBIBYTE = 1024 ** 3;
const LAYERS = 60;
const LAYER_BYTES = 340_000_000;
const EMBEDDING_BYTES = 258_000_000;

/** What matters of Starling-RM-34B as q4_k_m. */
const file = {
  parameters: 34e9,
  weightBytes: LAYERS * LAYER_BYTES + EMBEDDING_BYTES,
  bytesByType: new Map([["q4_k", LAYERS * LAYER_BYTES]]),
  layerBytes: new Array<number>(LAYERS).fill(LAYER_BYTES),
  embeddingBytes: EMBEDDING_BYTES,
  weightSamples: [],
  maxTokens: 2048,
  scorePosition: "last-non-pad",
  trunk: llama,
  shape: {
    layers: LAYERS,
    contextLength: 4096,
    embeddingLength: 7168,
    feedForwardLength: 20480,
    heads: 56,
    keyValueHeads: 8,
    headDim: 128,
    vocabularySize: 64000,
  },
} as unknown as ModelFile;

const device = (name: string, free: number, total = free): NativeDevice => ({
  name,
  description: name,
  type: "gpu",
  memoryFree: free * GIBIBYTE,
  memoryTotal: total * GIBIBYTE,
});
const cuda = (...devices: NativeDevice[]): Place => ({ backend: "cuda", devices });
const metal = (gibibytes: number): Place => ({ backend: "metal", devices: [device("MTL0", gibibytes)] });
const place = (where: Place, options: Omit<LoadRewardModelOptions, "modelPath"> = {}) =>
  placeModel(file, { threads: 8, ...options }, where, 64 * GIBIBYTE);
const fitOf = ({ fit }: Placement) => {
  const [first] = fit?.perDevice ?? [];
  if (fit === undefined || first === undefined) throw new Error("there are no layers on devices");
  return { ...fit, perDevice: [first] as const };
};
const refusal =
  (where: Place, options: Omit<LoadRewardModelOptions, "modelPath">, available: number | undefined) => () =>
    assertPlacementFits("m.gguf", place(where, options), available);

describe("auto", () => {
  it("places everything on a GPU that has room for it", () => {
    const { backend, plan, fit } = place(cuda(device("CUDA0", 40)));
    expect([backend, plan.gpuLayers, plan.devices, plan.batchMode]).toEqual(["cuda", -1, ["CUDA0"], "packed"]);
    expect(fit).toMatchObject({ layers: LAYERS });
    assertPlacementFits("m.gguf", place(cuda(device("CUDA0", 40))), 4 * GIBIBYTE);
  });

  it("places a part of it on a smaller one, and the rest in the machine's memory", () => {
    const placement = place(cuda(device("CUDA0", 12)));
    const { layers, host, perDevice } = fitOf(placement);
    expect(layers).toBeGreaterThan(20);
    expect(layers).toBeLessThan(35);
    expect(placement.plan.gpuLayers).toBe(layers + 1);
    expect(perDevice[0].need).toBeLessThanOrEqual(11 * GIBIBYTE);
    expect(host).toBeGreaterThan((LAYERS - layers) * LAYER_BYTES);
    assertPlacementFits("m.gguf", placement, 16 * GIBIBYTE);
    expect(() => assertPlacementFits("m.gguf", placement, 4 * GIBIBYTE)).toThrow(
      /^m\.gguf needs [\d.]+ [MG]iB of this machine's memory beside \d+ layers on CUDA0, but 4\.00 GiB are free\./,
    );
  });

  it("goes to the CPU, with its settings and the reason, where not one layer fits", () => {
    const { backend, plan, fit, reason } = place(cuda(device("CUDA0", 1)));
    expect([backend, plan.gpuLayers, plan.batchMode, plan.devices, fit]).toEqual([
      "cpu",
      0,
      "exact",
      undefined,
      undefined,
    ]);
    expect(reason).toMatch(
      /^too little memory is free there for even one layer, which takes [\d.]+ [MG]iB \(CUDA0 has 1\.00 GiB free\)$/,
    );
  });

  it("refuses where a GPU was asked for by name and not one layer fits", () => {
    expect(refusal(cuda(device("CUDA0", 1)), { gpu: "cuda" }, undefined)).toThrow(
      expect.objectContaining({
        code: "ERR_OUT_OF_MEMORY",
        file: "m.gguf",
        message: expect.stringContaining("CUDA0: 1.00 GiB free"),
      }),
    );
    const unchecked = place(cuda(device("CUDA0", 1)), { gpu: "cuda", checkMemory: false });
    expect([unchecked.backend, unchecked.plan.gpuLayers]).toEqual(["cuda", -1]);
  });

  it("spreads it over several GPUs", () => {
    const { fit, plan } = place(cuda(device("CUDA0", 16), device("CUDA1", 16)));
    expect([fit?.layers, plan.devices, plan.splitMode]).toEqual([LAYERS, ["CUDA0", "CUDA1"], "layer"]);
    expect(place(cuda(device("CUDA0", 16))).fit?.layers).toBeLessThan(LAYERS);
  });
});

describe("Metal", () => {
  it("counts what lies in unified memory once, and within the working set", () => {
    // A laptop of 32 GiB recommends 21.3, one of 36 GiB 27.
    const small = place(metal(21.33));
    const large = place(metal(27));
    expect(small.fit?.layers).toBeLessThan(LAYERS);
    expect(large.fit?.layers).toBe(LAYERS);
    const { host, perDevice } = fitOf(large);
    expect(host).toBeGreaterThan(perDevice[0].need);
    expect(host).toBeLessThan(perDevice[0].need + 2 * GIBIBYTE);
    assertPlacementFits("m.gguf", large, 36 * GIBIBYTE);
  });
});

describe("what is asked for", () => {
  it("is placed even if it does not fit, and then refused with the numbers", () => {
    const where = cuda(device("CUDA0", 12));
    expect(place(where, { gpuLayers: "all" }).plan.gpuLayers).toBe(-1);
    expect(place(where, { gpuLayers: 10 }).plan.gpuLayers).toBe(10);
    expect(refusal(where, { gpuLayers: "all" }, undefined)).toThrow(
      /^m\.gguf: 60 layers do not fit \(CUDA0: 12\.0 GiB free of [\d.]+ [MG]iB needed\)\. Set gpuLayers to "auto"/,
    );
    assertPlacementFits("m.gguf", place(where, { gpuLayers: 10 }), undefined);
  });

  it("uses no GPU for no layers", () => {
    expect(place(cuda(device("CUDA0", 40)), { gpuLayers: 0 })).toMatchObject({
      backend: "cpu",
      plan: { gpuLayers: 0 },
    });
  });

  it("uses the main device alone, which is then the first", () => {
    const where = cuda(device("CUDA0", 40), device("CUDA1", 30));
    const { plan, fit } = place(where, { splitMode: "none", mainDevice: 1 });
    expect([plan.devices, plan.mainDevice, plan.splitMode]).toEqual([["CUDA1"], 0, "none"]);
    expect(fit?.perDevice.map(({ name }) => name)).toEqual(["CUDA1"]);
  });

  it("refuses a main device that does not exist", () => {
    expect(() => place(cuda(device("CUDA0", 40)), { mainDevice: 1 })).toThrow(
      expect.objectContaining({
        code: "ERR_INVALID_ARGUMENT",
        field: "mainDevice",
        message: "The mainDevice 1 does not exist: the backend cuda has 1 (0 is CUDA0).",
      }),
    );
    expect(place({ backend: "cpu", devices: [] }, { mainDevice: 3 }).plan.mainDevice).toBe(0);
  });
});

it("predicts for devices that are not known yet that everything goes there", () => {
  expect(place(cuda())).toMatchObject({ backend: "cuda", plan: { gpuLayers: -1 } });
});

describe("the options", () => {
  it.each([
    ["gpuLayers", ["auto", "all", 0, 60, 1000], ["most", -1, 1001, 1.5, "5", null]],
    ["splitMode", ["none", "layer"], ["row", 1]],
    ["mainDevice", [0, 14], [-1, 15, "0"]],
  ])("%s", (name, good, bad) => {
    const check = loadOptionChecks[name] as Check;
    for (const value of good) expect(check(value), String(value)).toBeUndefined();
    for (const value of bad)
      expect(check(value), String(value)).toMatch(/^(?:"auto", "all" or )?(?:a whole number from|one of)/);
  });
});

describe("on a Mac whose limit of Metal is too low", () => {
  const small = metal(20);

  it("names the command that raises it, with enough for all layers and the reserve", () => {
    const placement = place(small);
    expect(fitOf(placement).layers).toBeLessThan(LAYERS);
    const [, mebibytes] = /^sudo sysctl iogpu\.wired_limit_mb=(\d+)$/.exec(placement.moreRoom ?? "") ?? [];
    const all = placeModel(file, { threads: 8 }, metal(Number(mebibytes) / 1024), 64 * GIBIBYTE);
    expect(fitOf(all).layers).toBe(LAYERS);
    expect(all.moreRoom).toBeUndefined();
    expect(refusal(metal(18), { gpuLayers: "all" }, undefined)).toThrow(
      /60 layers do not fit .*or let Metal use more memory \(until the next restart\): `sudo sysctl iogpu\.wired_limit_mb=\d+`/,
    );
    expect(place(metal(1)).reason).toMatch(/; `sudo sysctl iogpu\.wired_limit_mb=\d+` makes room for all$/);
  });

  it("is what a Mac with 32 GiB needs for 34B at q4_k_m", () => {
    const mac = metal(metalWorkingSet(32 * GIBIBYTE) / GIBIBYTE);
    const { moreRoom, fit } = placeModel(file, { threads: 8 }, mac, 32 * GIBIBYTE);
    expect([moreRoom, fit?.layers]).toEqual(["sudo sysctl iogpu.wired_limit_mb=21873", 59]);
  });

  it("does not where too little would be left for the system, or it is another backend", () => {
    expect(placeModel(file, { threads: 8 }, metal(16), 24 * GIBIBYTE).moreRoom).toBeUndefined();
    expect(place(cuda(device("CUDA0", 12))).moreRoom).toBeUndefined();
  });
});

const hasOwnKernels = loadAddon().prefillWeightBytes({ type: 8, columns: 7168, rows: 7168 }) > 0;
it.runIf(hasOwnKernels)(
  "leaves weights to llama.cpp's kernels where they do not fit once our own have packed them",
  () => {
    // As if packing made them many times as large.
    const packed = { ...file, weightSamples: [{ type: 8, columns: 7168, rows: 7168, fileBytes: 1, totalBytes: 1000 }] };
    const cpu: Place = { backend: "cpu", devices: [] };
    const model = packed as unknown as ModelFile;
    const own = placeModel(model, { threads: 8 }, cpu);
    const stock = placeModel(model, { threads: 8, kernels: "off" }, cpu);
    expect(own.need.total).toBeGreaterThan(stock.need.total);
    expect(placeWithin(model, { threads: 8 }, cpu, own.need.total).need).toEqual(own.need);
    const without = placeWithin(model, { threads: 8 }, cpu, own.need.total - 1);
    expect(without.need).toEqual(stock.need);
    expect(without.withoutOwnKernels).toMatch(/would not fit into the memory/);
    // Where neither fits, the message names what the model takes at least.
    expect(placeWithin(model, { threads: 8 }, cpu, 1).need).toEqual(stock.need);
  },
);
