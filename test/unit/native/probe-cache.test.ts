/** What probes found is remembered for as long as nothing changed, and no damage to the memory does harm. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ProbeResult } from "../../../src/native/probe.ts";
import { loadProbe, probeKey, saveProbe } from "../../../src/native/probe-cache.ts";
import { fakeRoots } from "./fake-root.ts";

const makeRoot = fakeRoots();
const device = { name: "CUDA0", description: "x", type: "gpu", memoryFree: 1, memoryTotal: 2 } as const;
const sound: ProbeResult = { opened: true, devices: [device] };
const failure: ProbeResult = { opened: false, devices: [], problem: "the driver crashed" };
const DAY = 24 * 60 * 60 * 1000;
const NOW = 1_700_000_000_000;

describe("remembering", () => {
  it("gives back what was found", () => {
    const folder = join(makeRoot([]), "deep", "probes");
    expect(loadProbe("k", folder)).toBeUndefined();
    saveProbe("k", sound, folder);
    saveProbe("other", failure, folder);
    expect(loadProbe("k", folder)).toEqual(sound);
    expect(loadProbe("other", folder)).toEqual(failure);
    expect(readdirSync(folder).sort()).toEqual(["k.json", "other.json"]);
  });

  it("keeps what works for ever, and what does not for a day", () => {
    const folder = makeRoot([]);
    saveProbe("works", sound, folder, NOW);
    saveProbe("fails", failure, folder, NOW);
    expect(loadProbe("works", folder, NOW + 400 * DAY)).toEqual(sound);
    expect(loadProbe("fails", folder, NOW + DAY)).toEqual(failure);
    expect(loadProbe("fails", folder, NOW + DAY + 1)).toBeUndefined();
    expect(loadProbe("fails", folder, NOW - 1)).toBeUndefined();
  });

  it.each([
    ["nothing", ""],
    ["garbage", "\0\xff{"],
    ["half a file", '{"time":1,"result":{"opened":true,"dev'],
    ["null", "null"],
    ["another shape", '{"time":1,"result":{"opened":"yes","devices":[]}}'],
    ["no time", '{"result":{"opened":true,"devices":[]}}'],
    ["devices that are none", '{"time":1,"result":{"opened":true,"devices":[null]}}'],
    [
      "memory that is none",
      '{"time":1,"result":{"opened":true,"devices":[{"name":"a","description":"","type":"gpu","memoryFree":-1,"memoryTotal":0}]}}',
    ],
  ])("forgets a file that holds %s", (_, content) => {
    const folder = makeRoot({ "k.json": content });
    expect(loadProbe("k", folder)).toBeUndefined();
    saveProbe("k", sound, folder);
    expect(loadProbe("k", folder)).toEqual(sound);
  });

  it("does without a folder that cannot be made or written to", () => {
    const root = makeRoot(["file"]);
    saveProbe("k", sound, join(root, "file", "probes"));
    expect(loadProbe("k", join(root, "file", "probes"))).toBeUndefined();
    const locked = makeRoot([]);
    chmodSync(locked, 0o500);
    saveProbe("k", sound, locked);
    chmodSync(locked, 0o700);
    mkdirSync(join(locked, "x.json"));
    saveProbe("x", sound, locked);
    expect(loadProbe("x", locked)).toBeUndefined();
  });

  it("keeps a limited number, the newest", () => {
    const folder = makeRoot([]);
    for (let i = 0; i < 80; i++) {
      saveProbe(`k${i}`, sound, folder);
      if (existsSync(join(folder, `k${i}.json`))) utimesSync(join(folder, `k${i}.json`), i, i);
    }
    expect(readdirSync(folder)).toHaveLength(64);
    expect(loadProbe("k79", folder)).toEqual(sound);
    expect(loadProbe("k0", folder)).toBeUndefined();
  });
});

describe("probeKey", () => {
  const make = () => {
    const root = makeRoot({ "run/libllama.so": "1", "run/libggml.so": "2", "driver.so": "3" });
    const folder = join(root, "run");
    const path = join(folder, "libllama.so");
    const libraries = { folder, ggmlBase: path, ggml: path, llama: path, version: "1" };
    return { root, libraries, key: (env = {}) => probeKey(libraries, [join(root, "driver.so")], env) };
  };

  it("is the same as long as nothing changes", () => {
    const { key } = make();
    expect(key()).toBe(key());
    expect(key()).toMatch(/^[0-9a-f]{24}$/);
    expect(key({ HOME: "/elsewhere", HOSTNAME: "x" })).toBe(key());
  });

  it("changes with a library, a driver, and what tells the driver which devices to use", () => {
    const { root, key } = make();
    const seen = new Set([key()]);
    const isNew = (value: string) => {
      expect(seen.has(value)).toBe(false);
      seen.add(value);
    };
    writeFileSync(join(root, "run", "libllama.so"), "22");
    isNew(key());
    utimesSync(join(root, "driver.so"), 5, 5);
    isNew(key());
    rmSync(join(root, "driver.so"));
    isNew(key());
    writeFileSync(join(root, "run", "libggml-cuda.so"), "");
    isNew(key());
    for (const name of ["CUDA_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES", "LD_LIBRARY_PATH"])
      isNew(key({ [name]: "0" }));
  });
});
