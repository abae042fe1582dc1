/** Which addon is taken: your own build, or the package's own for the platform. The libraries are only their first bytes. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addonPath, findAddon, openAddon } from "../../../src/native/load-addon.ts";
import {
  type AddonTarget,
  currentTarget,
  PREBUILD_NAMES,
  prebuildName,
  prebuildPath,
} from "../../../src/native/prebuilds.ts";
import { ARM_MAC, elf, INTEL_MAC, mach, pe } from "./fake-libraries.ts";
import { fakeRoots } from "./fake-root.ts";

const makeRoot = fakeRoots();
const linux: AddonTarget = { os: "linux", arch: "x64", libc: "glibc" };
const alpine: AddonTarget = { os: "linux", arch: "x64", libc: "musl" };
const withLibc = (bytes: Buffer, name: string) => Buffer.concat([bytes, Buffer.from(`\0${name}\0`)]);
const glibc = withLibc(elf(0x3e), "libc.so.6");

const libraries: Readonly<Record<string, Buffer>> = {
  "linux-x64": glibc,
  "linux-arm64": withLibc(elf(0xb7), "libc.so.6"),
  "linux-x64-musl": withLibc(elf(0x3e), "libc.so"),
  "linux-arm64-musl": withLibc(elf(0xb7), "libc.so"),
  "darwin-arm64": mach(ARM_MAC),
  "darwin-x64": mach(INTEL_MAC),
  "win32-x64": pe(0x8664),
  "win32-arm64": pe(0xaa64),
};
const targetOf = (name: string): AddonTarget => {
  const [os = "", arch = "", musl] = name.split("-");
  return os === "linux" ? { os, arch, libc: musl === undefined ? "glibc" : "musl" } : { os, arch };
};
const own = join("build", "Release", "starling_rm.node");
const fileOf = (name: string) => prebuildPath("", name);
const all = Object.fromEntries(PREBUILD_NAMES.map((name) => [fileOf(name), libraries[name] ?? ""]));

describe("the addon that is taken", () => {
  it.each(PREBUILD_NAMES)("is the prebuilt one for %s", (name) => {
    const root = makeRoot(all);
    expect(prebuildName(targetOf(name))).toBe(name);
    expect(findAddon(root, targetOf(name))).toEqual({ path: join(root, fileOf(name)) });
  });

  it.each(PREBUILD_NAMES)("is your own build for %s before the prebuilt one", (name) => {
    const root = makeRoot({ ...all, [own]: libraries[name] ?? "" });
    expect(findAddon(root, targetOf(name))).toEqual({ path: join(root, own) });
  });

  it.each([
    ["of another system", pe(0x8664), linux, "was built for Windows on x64, but this is Linux on x64 (glibc)"],
    ["for another processor", elf(0xb7), linux, "was built for Linux on arm64, but this is Linux on x64 (glibc)"],
    ["for glibc on musl", glibc, alpine, "was built for glibc, but this is Linux on x64 (musl)"],
    [
      "for Alpine's musl on glibc",
      withLibc(elf(0x3e), "libc.musl-x86_64.so.1"),
      linux,
      "was built for musl, but this is Linux on x64 (glibc)",
    ],
    ["that is damaged", Buffer.from("x"), linux, "is not a shared library, or is damaged"],
  ])("is the prebuilt one where the build in build/Release is one %s", (_, bytes, target, reason) => {
    const root = makeRoot({ ...all, [own]: bytes });
    expect(findAddon(root, target)).toEqual({
      path: join(root, fileOf(prebuildName(target))),
      passedBy: `${join(root, own)} ${reason}`,
    });
  });

  it("is the one outside an Electron archive, both for your own build and a prebuilt one", () => {
    for (const file of [own, fileOf("linux-x64")]) {
      const root = makeRoot({ [join("app.asar.unpacked", "node_modules", "starling-rm", file)]: glibc });
      const inside = join(root, "app.asar", "node_modules", "starling-rm");
      const outside = join(root, "app.asar.unpacked", "node_modules", "starling-rm", file);
      expect(findAddon(inside, linux)).toEqual({ path: outside });
    }
  });

  it("is this platform's when none is named", () => {
    const root = makeRoot(all);
    expect(addonPath(root)).toBe(join(root, fileOf(prebuildName(currentTarget()))));
  });
});

describe("where nothing fits", () => {
  const command = (root: string) =>
    `run \`node ${JSON.stringify(join(root, "scripts", "build-addon.mjs"))}\`; it reports any missing tools.`;

  it("the message says that there is none", () => {
    const root = makeRoot([]);
    expect(() => openAddon(root, linux)).toThrow(
      `There is no native addon for Linux on x64 (glibc) in ${root}, none for any platform: ${command(root)}`,
    );
  });

  it("the message names the platforms that the package has it for", () => {
    const root = makeRoot({ [fileOf("win32-x64")]: pe(0x8664), [fileOf("linux-x64")]: glibc });
    expect(() => openAddon(root, alpine)).toThrow(
      `There is no native addon for Linux on x64 (musl) in ${root}, only for linux-x64, win32-x64: ${command(root)}`,
    );
    expect(() => openAddon(root, { os: "freebsd", arch: "x64" })).toThrow("no native addon for freebsd on x64 in ");
  });

  it("the message says what is wrong with the build in build/Release", () => {
    const root = makeRoot({ [own]: mach(ARM_MAC) });
    expect(() => openAddon(root, linux)).toThrow(
      `none for any platform; ${join(root, own)} was built for macOS on arm64, but this is Linux on x64 (glibc): ${command(root)}`,
    );
  });

  it("a file that does not load is named with the loader's reason", () => {
    const root = makeRoot(all);
    const path = join(root, fileOf(prebuildName(currentTarget())));
    expect(() => openAddon(root)).toThrow(`The native addon ${path} does not load (`);
    expect(() => openAddon(root)).toThrow(command(root));
  });
});
