/** Which addon is taken: your own build, or the package's own for the platform. The libraries are only their first bytes. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findAddon, openAddon } from "../../../src/native/load-addon.ts";
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
    expect(findAddon(root, targetOf(name))).toBe(join(root, fileOf(name)));
  });

  it.each(PREBUILD_NAMES)("is your own build for %s before the prebuilt one", (name) => {
    const root = makeRoot({ ...all, [own]: libraries[name] ?? "" });
    expect(findAddon(root, targetOf(name))).toBe(join(root, own));
  });

  it.each([
    ["of another system", pe(0x8664), linux],
    ["for another processor", elf(0xb7), linux],
    ["for glibc on musl", glibc, alpine],
    ["for Alpine's musl on glibc", withLibc(elf(0x3e), "libc.musl-x86_64.so.1"), linux],
    ["that is damaged", Buffer.from("x"), linux],
  ])("is the prebuilt one where the build in build/Release is one %s", (_, bytes, target) => {
    const root = makeRoot({ ...all, [own]: bytes });
    expect(findAddon(root, target)).toBe(join(root, fileOf(prebuildName(target))));
  });

  it("is none where the prebuilt one is damaged, too", () => {
    expect(findAddon(makeRoot({ [fileOf("linux-x64")]: "" }), linux)).toBeUndefined();
  });

  it("is the one outside an Electron archive, both for your own build and a prebuilt one", () => {
    for (const file of [own, fileOf("linux-x64")]) {
      const root = makeRoot({ [join("app.asar.unpacked", "node_modules", "starling-rm", file)]: glibc });
      const inside = join(root, "app.asar", "node_modules", "starling-rm");
      const outside = join(root, "app.asar.unpacked", "node_modules", "starling-rm", file);
      expect(findAddon(inside, linux)).toBe(outside);
    }
  });

  it("is this platform's when none is named", () => {
    const root = makeRoot(all);
    expect(findAddon(root)).toBe(join(root, fileOf(prebuildName(currentTarget()))));
  });
});

/** Whole files of which only the header is there. */
const half = (bytes: Buffer, size: number) => Buffer.concat([bytes, Buffer.alloc(size)]).subarray(0, size);
const LONG_ELF = (() => {
  const bytes = elf(0x3e);
  bytes.writeBigUInt64LE(600_000n, 0x28);
  bytes.writeUInt16LE(64, 0x3a);
  bytes.writeUInt16LE(30, 0x3c);
  return bytes;
})();

/** What a file is instead of the addon for glibc on x64, and what the message says of it. */
const WRONG: readonly (readonly [name: string, bytes: string | Buffer, what: string])[] = [
  ["half of one", half(LONG_ELF, 300_000), "is truncated: it has 300000 bytes of at least 601920"],
  ["the header of one", half(LONG_ELF, 63), "is truncated: it has 63 bytes of at least 64"],
  ["empty", "", "is not a shared library: it is empty"],
  ["a pointer", "version https://git-lfs.github.com/spec/v1\n", "is not a shared library: it is a Git LFS pointer"],
  ["a page", "<!DOCTYPE html><title>Sign in</title>", "is not a shared library: it is a web page"],
  ["a text", "Not found\n", "is not a shared library: it is a text file"],
  ["zeros", Buffer.alloc(9000), "is not a shared library, or is damaged"],
  ["for another processor", elf(0xb7), "was built for Linux on arm64, but this is Linux on x64 (glibc)"],
  ["for musl", withLibc(elf(0x3e), "libc.so"), "was built for musl, but this is Linux on x64 (glibc)"],
  ["of Windows", pe(0x8664), "was built for Windows on x64, but this is Linux on x64 (glibc)"],
  ["of macOS", mach(ARM_MAC), "was built for macOS on arm64, but this is Linux on x64 (glibc)"],
];

const INSTALLED = join("project", "node_modules", "starling-rm");
const PUBLISHED = '{ "name": "starling-rm" }';

/** The package as `npm run pack` makes it, installed into a project. */
function install(files: Readonly<Record<string, string | Buffer>>, manifest = PUBLISHED) {
  const at = (name: string) => join(INSTALLED, name);
  const entries = Object.entries({ "package.json": manifest, ...files }).map(([name, bytes]) => [at(name), bytes]);
  const top = makeRoot({ [join("project", "package.json")]: "{}", ...Object.fromEntries(entries) });
  const root = join(top, INSTALLED);
  const again = `Install it again: delete ${root} and run \`npm install\` in ${join(top, "project")}.`;
  return { root, again, build: build(root) };
}

const build = (root: string) =>
  `run \`node ${JSON.stringify(join(root, "scripts", "build-addon.mjs"))}\`; it reports any missing tools.`;

function failure(root: string, target?: AddonTarget): string {
  try {
    openAddon(root, target);
  } catch (error) {
    expect(error).toMatchObject({ name: "NativeError", code: "ERR_ADDON_NOT_BUILT" });
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("where nothing fits", () => {
  it.each(WRONG)("a prebuilt addon that is %s is to be installed again", (_, bytes, what) => {
    const { root, again } = install({ ...all, [fileOf("linux-x64")]: bytes });
    expect(failure(root, linux)).toBe(`The native addon ${join(root, fileOf("linux-x64"))} ${what}. ${again}`);
  });

  it.each(WRONG)("in a checkout an addon that is %s is to be built", (_, bytes, what) => {
    const root = makeRoot({ "src/index.ts": "", [fileOf("linux-x64")]: bytes });
    expect(failure(root, linux)).toBe(`The native addon ${join(root, fileOf("linux-x64"))} ${what}: ${build(root)}`);
  });

  it.each(WRONG)("your own build that is %s is named with what else there is", (_, bytes, what) => {
    const files = { [own]: bytes, [fileOf("win32-x64")]: pe(0x8664) };
    const { root, again, build } = install(files, '{ "name": "starling-rm", "scripts": {} }');
    const sentences = `The native addon ${join(root, own)} ${what}. There is no other for Linux on x64 (glibc) in ${root}, only for win32-x64`;
    // A package that was made on another machine comes as it is.
    const isForeign = what.startsWith("was built for");
    const advice = isForeign ? `: ${build}` : `. ${again.slice(0, -1)}, or ${build}`;
    expect(failure(root, linux)).toBe(`${sentences}${advice}`);
    const compiled = install({ ...files, [join("build", "addon", "CMakeCache.txt")]: "" });
    expect(failure(compiled.root, linux)).toContain(compiled.build);
  });

  it("both are named when both are wrong", () => {
    const { root, again } = install({ [own]: mach(ARM_MAC), [fileOf("linux-x64")]: "" });
    expect(failure(root, linux)).toBe(
      `The native addon ${join(root, own)} was built for macOS on arm64, but this is Linux on x64 (glibc). The native addon ` +
        `${join(root, fileOf("linux-x64"))} is not a shared library: it is empty. ${again}`,
    );
  });

  it("a truncated one of macOS or Windows is refused in the same words", () => {
    const windows = pe(0x8664);
    windows.writeUInt16LE(9, 128 + 6);
    const { root, again } = install({ [fileOf("win32-x64")]: windows });
    expect(failure(root, { os: "win32", arch: "x64" })).toBe(
      `The native addon ${join(root, fileOf("win32-x64"))} is truncated: it has 152 bytes of at least 153. ${again}`,
    );
    const mac = mach(ARM_MAC);
    mac.writeUInt32LE(200, 20);
    const onMac = install({ [fileOf("darwin-arm64")]: mac });
    expect(failure(onMac.root, { os: "darwin", arch: "arm64" })).toMatch(/ is truncated: it has 64 bytes of at least /);
  });

  it("one that may not be read says so", () => {
    const { root } = install({ [join(fileOf("linux-x64"), "a")]: "" });
    expect(failure(root, linux)).toContain(
      `${join(root, fileOf("linux-x64"))} cannot be read: it is a folder. Install `,
    );
  });

  it("a package that has lost it is to be installed again, and one that never had it built", () => {
    const lost = install({});
    const none = (root: string, platform: string) =>
      `There is no native addon for ${platform} in ${root}, none for any platform`;
    expect(failure(lost.root, linux)).toBe(`${none(lost.root, "Linux on x64 (glibc)")}. ${lost.again}`);
    expect(failure(lost.root, { os: "freebsd", arch: "x64" })).toBe(
      `${none(lost.root, "freebsd on x64")}: ${lost.build}`,
    );
    const plain = install({}, '{ "name": "starling-rm", "scripts": {} }');
    expect(failure(plain.root, linux)).toBe(`${none(plain.root, "Linux on x64 (glibc)")}: ${plain.build}`);
    const checkout = makeRoot({ "src/index.ts": "" });
    expect(failure(checkout, linux)).toContain(build(checkout));
  });

  it("the message names the platforms that the package has it for", () => {
    const { root } = install({ [fileOf("win32-x64")]: pe(0x8664), [fileOf("linux-x64")]: glibc });
    expect(failure(root, alpine)).toContain(
      `There is no native addon for Linux on x64 (musl) in ${root}, only for linux-x64, win32-x64. `,
    );
  });

  it("an application is to be packaged with it outside the archive", () => {
    const root = makeRoot({ [join("app.asar", "node_modules", "starling-rm", "package.json")]: PUBLISHED });
    expect(failure(join(root, "app.asar", "node_modules", "starling-rm"), linux)).toMatch(
      /none for any platform\. Package the application again, with this file outside the archive \(docs\/electron\.md\)\.$/,
    );
  });

  it("a file that does not load is named with the loader's reason, and to be built", () => {
    const { root, build } = install(all);
    const path = join(root, fileOf(prebuildName(currentTarget())));
    expect(failure(root)).toContain(`The native addon ${path} does not load (`);
    expect(failure(root)).toContain(build);
  });
});
