/** What Macs print, recorded (test/fixtures/macos). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explainOnMac } from "../../../src/native/explain-mac.ts";
import { explainReason } from "../../../src/native/explain-runtime.ts";
import { availableOnMac, fastCores, isTranslated, macFeatures, parseSysctl } from "../../../src/native/mac-system.ts";
import { packageRoot } from "../../../src/package-info.ts";

const recorded = (name: string) => readFileSync(join(packageRoot(), "test", "fixtures", "macos", name), "utf8");
const sysctl = (name: string) => parseSysctl(recorded(`sysctl-${name}.txt`));
const GIBIBYTE = 1024 ** 3;

describe("memory that can be taken without swapping", () => {
  const available = (name: string) => (availableOnMac(recorded(`vm_stat-${name}.txt`)) ?? Number.NaN) / GIBIBYTE;

  it("is free pages and clean copies of files, in pages of 16 KiB", () => {
    expect(available("m4-16gib")).toBeCloseTo(((24141 + 409145 + 4133) * 16) / 1024 ** 2, 9);
    expect(available("m5-pro-48gib")).toBeCloseTo(((1133377 + 770303 + 210943) * 16) / 1024 ** 2, 9);
  });

  it("does not shrink when a large file was read: macOS gives its cache away again", () => {
    expect(available("m4-16gib-after-reading-20-gb")).toBeGreaterThan(available("m4-16gib"));
  });

  it("is known of old systems on Intel, with pages of 4 KiB", () => {
    expect(available("intel-2gib-10.6")).toBeCloseTo(((90518 + 32417 + 134461) * 4) / 1024 ** 2, 9);
  });

  it("is not invented from other text", () => {
    for (const text of ["", "Pages free: 12.\n", "(page size of 4096 bytes)\n", "vm_stat: command not found"])
      expect(availableOnMac(text)).toBeUndefined();
  });
});

describe("processors", () => {
  it("compute with the performance cores", () => {
    expect(fastCores(sysctl("m4"))).toBe(8);
    expect(fastCores(sysctl("m2-max-64gib"))).toBe(8);
    // macOS 11 does not say which cores are fast, and Intel Macs have one kind.
    expect(fastCores(sysctl("m1"))).toBe(8);
    expect(fastCores(parseSysctl("hw.physicalcpu: 4\nhw.logicalcpu: 8\n"))).toBe(4);
    expect(fastCores(new Map())).toBeUndefined();
    expect(fastCores(parseSysctl("hw.perflevel0.physicalcpu: x\n"))).toBeUndefined();
  });

  it("have the features that llama.cpp's kernels are chosen by", () => {
    const features = (name: string) => [...macFeatures(sysctl(name))].sort();
    expect(features("m1")).toEqual(["asimdhp"]);
    expect(features("m4")).toEqual(["asimddp", "asimdhp", "bf16", "i8mm", "sme"]);
    expect(features("m2-max-64gib")).toEqual(["asimddp", "asimdhp", "bf16", "i8mm"]);
    expect(features("intel")).toEqual(["avx", "avx2", "bmi2", "f16c", "fma", "sse4_2"]);
  });

  it("may be translated by Rosetta", () => {
    expect(isTranslated(parseSysctl("sysctl.proc_translated: 1\n"))).toBe(true);
    expect(isTranslated(parseSysctl("sysctl.proc_translated: 0\n"))).toBe(false);
    expect(isTranslated(sysctl("intel"))).toBe(false);
  });
});

describe("what dyld says", () => {
  const messages = JSON.parse(recorded("loader-messages.json")) as Record<string, { message: string }>;
  const explain = (name: string) => explainOnMac(messages[name]?.message ?? "", "/a b/pkg", "Install it again.");

  it.each([
    ["quarantine", /quarantine.*`xattr -dr com\.apple\.quarantine "\/a b\/pkg"`/],
    ["quarantine on macOS 10.15", /quarantine.*`xattr -dr/],
    ["team", /hardened runtime.*com\.apple\.security\.cs\.disable-library-validation/],
    ["architecture", /^the library is for Intel, and this program runs as one for Apple silicon\. Install it again\.$/],
    ["architecture under Rosetta", /^the library is for Apple silicon, and this program runs as one for Intel\./],
    ["old system", /built for macOS 12 or newer\. Upgrade macOS/],
    ["old system, newer dyld", /built for macOS 26 or newer/],
  ])("%s", (name, expected) => {
    expect(explain(name)).toMatch(expected);
  });

  it("of a missing library names it, as on other systems", () => {
    const libraries = { folder: "/x", ggmlBase: "", ggml: "", llama: "", version: "0" };
    expect(explain("missing")).toBeUndefined();
    expect(explainReason(libraries, messages["missing"]?.message ?? "")).toMatch(
      /needs the library libggml-base\.dylib, which was not found/,
    );
  });

  it("leaves the messages of other systems alone", () => {
    for (const text of ["libcuda.so.1: cannot open shared object file", "invalid ELF header", "Windows error 193"])
      expect(explainOnMac(text, "/", "")).toBeUndefined();
  });
});
