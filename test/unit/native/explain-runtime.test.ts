/** Runtimes that are broken in every way that has a name; bytes of other platforms' libraries are invented. */
import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  explainAccess,
  explainReason,
  explainRuntime,
  filesProblem,
  packageFolderOf,
} from "../../../src/native/explain-runtime.ts";
import { fits, leastSize, libraryKind, platformName } from "../../../src/native/library-format.ts";
import { outsideArchive } from "../../../src/native/package-folder.ts";
import type { Platform } from "../../../src/native/platforms.ts";
import { LLAMA_VERSION, librariesIn, ownBackends } from "../../../src/native/runtime-folder.ts";
import { installLibrary, installSystemPart } from "../../../src/native/system-packages.ts";
import { ARM_MAC, elf, INTEL_MAC, mach, pe, universal } from "./fake-libraries.ts";
import { fakeRoots } from "./fake-root.ts";

const makeRoot = fakeRoots();
const linux: Platform = { os: "linux", arch: "x64" };

describe("libraryKind", () => {
  it.each([
    ["Linux on x64", elf(0x3e), { os: "linux", archs: ["x64"] }],
    ["Linux on arm64", elf(0xb7), { os: "linux", archs: ["arm64"] }],
    ["Linux on s390x", elf(0x16, true), { os: "linux", archs: ["s390x"] }],
    ["Linux on another processor", elf(0x9999), { os: "linux", archs: [] }],
    ["macOS on arm64", mach(ARM_MAC), { os: "darwin", archs: ["arm64"] }],
    ["macOS on x64 and arm64", universal(INTEL_MAC, ARM_MAC), { os: "darwin", archs: ["x64", "arm64"] }],
    ["Windows on x64", pe(0x8664), { os: "win32", archs: ["x64"] }],
    ["Windows on arm64", pe(0xaa64), { os: "win32", archs: ["arm64"] }],
  ])("recognises %s", (name, bytes, kind) => {
    expect(libraryKind(bytes)).toEqual(kind);
    expect(platformName(kind.os, kind.archs)).toBe(name);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a few bytes", Buffer.from("\x7fEL", "latin1")],
    ["an ELF that ends early", elf(0x3e).subarray(0, 18)],
    ["a Java class", Buffer.from("cafebabe00000041aaaaaaaaaaaaaaaaaaaa", "hex")],
    ["a universal library that ends early", universal(INTEL_MAC, ARM_MAC).subarray(0, 20)],
    ["a PE that points out of the file", pe(0x8664).subarray(0, 100)],
    ["MZ without PE", Buffer.concat([Buffer.from("MZ"), Buffer.alloc(200)])],
    ["text", Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")],
  ])("does not take %s for a library", (_, bytes) => {
    expect(libraryKind(bytes)).toBeUndefined();
  });

  it("never fails, whatever the bytes", () => {
    for (const sound of [elf(0x3e), mach(ARM_MAC), universal(INTEL_MAC, ARM_MAC), pe(0x8664)])
      for (let length = 0; length < sound.length; length++)
        for (const value of [0, 0xff]) {
          const bytes = Buffer.from(sound.subarray(0, length));
          if (length > 4) bytes[length - 1] = value;
          expect(() => libraryKind(bytes)).not.toThrow();
        }
  });

  describe("knows how long a library must be at least", () => {
    const header = (bytes: Buffer, fields: readonly (readonly [at: number, bits: 16 | 32 | 64, value: number])[]) => {
      const isBig = bytes.readUInt32BE(0) === 0xcafebabe || (bytes[0] === 0x7f && bytes[5] === 2);
      for (const [at, bits, value] of fields) {
        if (bits === 16) isBig ? bytes.writeUInt16BE(value, at) : bytes.writeUInt16LE(value, at);
        else if (bits === 32) isBig ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at);
        else isBig ? bytes.writeBigUInt64BE(BigInt(value), at) : bytes.writeBigUInt64LE(BigInt(value), at);
      }
      return bytes;
    };

    it.each([false, true])("an ELF of 64 bits (big-endian: %s)", (isBig) => {
      const bytes = header(elf(0x3e, isBig), [
        [0x20, 64, 64],
        [0x36, 16, 56],
        [0x38, 16, 3],
      ]);
      expect(leastSize(bytes)).toBe(64 + 3 * 56);
      header(bytes, [
        [0x28, 64, 1000],
        [0x3a, 16, 64],
        [0x3c, 16, 10],
      ]);
      expect(leastSize(bytes)).toBe(1640);
      expect(leastSize(bytes.subarray(0, 63))).toBe(64);
    });

    it("an ELF of 32 bits", () => {
      const bytes = elf(0x28);
      bytes[4] = 1;
      header(bytes, [
        [0x1c, 32, 52],
        [0x2a, 16, 32],
        [0x2c, 16, 4],
        [0x20, 32, 900],
        [0x2e, 16, 40],
        [0x30, 16, 5],
      ]);
      expect(leastSize(bytes)).toBe(1100);
      expect(leastSize(bytes.subarray(0, 51))).toBe(52);
    });

    it("a Mach-O, by its segments, and a universal one by its parts", () => {
      const segment = (from: number, size: number) => {
        const bytes = Buffer.alloc(72);
        bytes.writeUInt32LE(0x19, 0);
        bytes.writeUInt32LE(72, 4);
        return header(bytes, [
          [40, 64, from],
          [48, 64, size],
        ]);
      };
      const whole = Buffer.concat([
        mach(ARM_MAC).subarray(0, 32),
        segment(0, 16384),
        Buffer.from("0200000008000000", "hex"),
        segment(16384, 500),
      ]);
      header(whole, [
        [16, 32, 3],
        [20, 32, 152],
      ]);
      expect(leastSize(whole)).toBe(16884);
      expect(leastSize(whole.subarray(0, 100))).toBe(101);
      const both = header(universal(INTEL_MAC, ARM_MAC), [
        [16, 32, 4096],
        [20, 32, 100],
        [36, 32, 8192],
        [40, 32, 200],
      ]);
      expect(leastSize(both)).toBe(8392);
    });

    it("a PE, by its sections without their padding", () => {
      const bytes = Buffer.concat([pe(0x8664), Buffer.alloc(240 + 2 * 40)]);
      const sections = 128 + 24 + 240;
      header(bytes, [
        [128 + 6, 16, 2],
        [128 + 20, 16, 240],
      ]);
      header(bytes, [
        [sections + 8, 32, 0x1234],
        [sections + 16, 32, 0x1400],
        [sections + 20, 32, 0x400],
      ]);
      header(bytes, [
        [sections + 48, 32, 0x100],
        [sections + 56, 32, 0x200],
        [sections + 60, 32, 0x1800],
      ]);
      expect(leastSize(bytes)).toBe(0x1900);
      expect(leastSize(bytes.subarray(0, sections + 50))).toBe(sections + 51);
      // Uninitialised data has no bytes in the file.
      header(bytes, [
        [sections + 48, 32, 0x9000],
        [sections + 56, 32, 0],
      ]);
      expect(leastSize(bytes)).toBe(0x1800);
    });

    it("and never fails, nor follows commands without end", () => {
      for (const sound of [elf(0x3e), elf(0x16, true), mach(ARM_MAC), universal(INTEL_MAC, ARM_MAC), pe(0x8664)])
        for (let length = 0; length < sound.length; length++) {
          const bytes = Buffer.concat([sound.subarray(0, length), Buffer.alloc(5000, 0xff)]).subarray(0, 4096);
          expect(() => leastSize(bytes)).not.toThrow();
          expect(leastSize(sound.subarray(0, length))).toBeGreaterThanOrEqual(0);
        }
      const empty = header(Buffer.concat([mach(ARM_MAC), Buffer.alloc(4032)]), [
        [16, 32, 0xffffffff],
        [20, 32, 0xffffffff],
      ]);
      expect(leastSize(empty)).toBe(0);
    });
  });

  it("fits the platform that it is made for, and no other", () => {
    expect(fits({ os: "linux", archs: ["x64"] }, linux)).toBe(true);
    expect(fits({ os: "linux", archs: [] }, linux)).toBe(false);
    expect(fits({ os: "win32", archs: ["x64"] }, linux)).toBe(false);
    expect(fits({ os: "darwin", archs: ["x64", "arm64"] }, { os: "darwin", arch: "arm64" })).toBe(true);
    for (const os of ["freebsd", "android"])
      expect(fits({ os: "linux", archs: ["x64"] }, { os, arch: "x64" })).toBe(true);
    expect(fits({ os: "linux", archs: ["x64"] }, { os: "darwin", arch: "x64" })).toBe(false);
  });
});

/** Root may read everything: for as long as it takes the process is somebody else. */
function asNobody<Result>(work: () => Result): Result {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

describe("explainRuntime", () => {
  const PACKAGE = "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64";
  const runtime = (changes: Record<string, Buffer | undefined> = {}, under = PACKAGE) => {
    const names = { "libggml-base.so": elf(0x3e), "libggml.so": elf(0x3e), "libllama.so": elf(0x3e), ...changes };
    const files = Object.entries(names).flatMap(([name, bytes]) =>
      bytes ? [[`${under}/${name}`, bytes] as const] : [],
    );
    const folder = join(makeRoot({ ...Object.fromEntries(files), "package.json": "{}" }), under);
    const at = (name: string) => join(folder, name);
    return {
      folder,
      ggmlBase: at("libggml-base.so"),
      ggml: at("libggml.so"),
      llama: at("libllama.so"),
      version: LLAMA_VERSION,
    };
  };
  const explain = (changes: Record<string, Buffer | undefined>, reason = "any reason") =>
    explainRuntime(runtime(changes), reason, linux);
  const again = ({ folder }: { folder: string }) =>
    `Install it again: delete ${dirname(dirname(folder))} and run \`npm install\` in ${folder.slice(0, folder.indexOf("/node_modules"))}.`;
  const AGAIN = /Install it again: delete \S+linux-x64 and run `npm install` in \S+\.$/;

  it("names the platform that a library is made for", () => {
    expect(explain({ "libllama.so": pe(0x8664) })).toMatch(
      /libllama\.so was built for Windows on x64, but this is Linux on x64\. /,
    );
    expect(explain({ "libggml.so": elf(0xb7) })).toMatch(
      /libggml\.so was built for Linux on arm64, but this is Linux on x64\./,
    );
    expect(explain({ "libggml.so": mach(ARM_MAC) })).toMatch(AGAIN);
  });

  it("names a library that is gone or damaged", () => {
    expect(explain({ "libggml.so": undefined })).toMatch(/libggml\.so cannot be read: it does not exist\./);
    expect(explain({ "libggml.so": Buffer.from("garbage") })).toMatch(
      /libggml\.so is not a shared library: it is a text file\./,
    );
    expect(explain({ "libllama.so": Buffer.alloc(0) })).toMatch(AGAIN);
  });

  it("names a library that may not be read", () => {
    const libraries = runtime();
    const denied = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    expect(explainAccess("/l/a b.so", libraries, denied)).toBe(
      '/l/a b.so cannot be read: permission denied. Run `chmod a+r "/l/a b.so"` as its owner.',
    );
    expect(explainAccess("/l/a.so", libraries, new Error("odd"))).toContain("/l/a.so cannot be read: odd.");
  });

  it.skipIf(process.platform === "win32")("finds out that it may not be read", () => {
    const libraries = runtime();
    chmodSync(libraries.llama, 0);
    expect(asNobody(() => explainRuntime(libraries, "", linux))).toContain(
      "libllama.so cannot be read: permission denied.",
    );
  });

  it("names a library that is missing elsewhere, with the command that brings it", () => {
    const libraries = runtime();
    const debian = "ID=debian";
    for (const reason of [
      "/x/libggml-cuda.so could not be opened: libcuda.so.1: cannot open shared object file: No such file or directory.",
      "Error loading shared library libcuda.so.1: No such file or directory (needed by /x/libggml-cuda.so)",
    ])
      expect(explainReason(libraries, reason)).toMatch(/^it needs the library libcuda\.so\.1, which was not found\. /);
    expect(
      explainReason(libraries, "libggml-base.so: cannot open shared object file: No such file or directory."),
    ).toBe(`it needs the library libggml-base.so, which was not found. ${again(libraries)}`);
    expect(explainReason(libraries, "Library not loaded: @rpath/libggml-base.dylib")).toContain("libggml-base.dylib");
    const cudart = explainReason(
      libraries,
      "libcudart.so.13: cannot open shared object file: No such file or directory.",
    );
    expect(cudart).toMatch(
      /^it needs the library libcudart\.so\.13, .* Install CUDA 13 \(https:\S+\)(?:; with CUDA 12 also install \S+-cuda-ext@\S+)?\.$/,
    );
    // The package does not have it: to install that again would not help.
    for (const name of ["libcudart.so.13", "libother.so.1"])
      expect(explainReason(libraries, `${name}: cannot open shared object file: No such file.`)).not.toContain("again");
    expect(installLibrary("libcuda.so.1", debian)).toBe("sudo apt-get install nvidia-driver");
    expect(installLibrary("libggml-base.so", debian)).toBeUndefined();
  });

  it("says what else a loader may mean", () => {
    const libraries = runtime();
    expect(explainReason(libraries, "/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)")).toMatch(
      /^it needs GLIBC_2\.38 of the C library, and this system's is older/,
    );
    expect(explainReason(libraries, "x.so: file too short.")).toBe(
      `one of its libraries is damaged (x.so: file too short). ${again(libraries)}`,
    );
    expect(explainReason(libraries, "/l is llama.cpp 0.5.0, but this build needs 0.4.0.")).toBe(
      `/l is llama.cpp 0.5.0, but this build needs 0.4.0. ${again(libraries)}`,
    );
    expect(explainReason(libraries, "something new")).toBe("something new.");
  });

  it("advises on a folder of one's own by the variable that names it", () => {
    const libraries = runtime({ "libllama.so": undefined }, "own");
    expect(explainRuntime(libraries, "", linux)).toContain(
      `Set STARLING_RM_RUNTIME to a folder with the libraries of llama.cpp ${LLAMA_VERSION}`,
    );
    const windows = "C:\\p\\node_modules\\@node-llama-cpp\\win-x64";
    expect(packageFolderOf(`${windows}\\bins\\win-x64`)).toBe(windows);
    const deno = "/h/deno/npm/registry.npmjs.org/@node-llama-cpp/linux-x64/3.21.1";
    expect(packageFolderOf(`${deno}/bins/linux-x64`)).toBe(deno);
    writeFileSync(join(libraries.folder, "libllama.so"), elf(0x3e));
    expect(explainRuntime(libraries, "fine", linux)).toBe("fine.");
  });
});

describe("commands of package managers", () => {
  it.each([
    ["ID=ubuntu\nID_LIKE=debian", "nvidia-driver", "sudo ubuntu-drivers install"],
    ["ID=ubuntu\nID_LIKE=debian", "vulkan-loader", "sudo apt-get install libvulkan1"],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"', "nvidia-driver", "sudo ubuntu-drivers install"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"', "vulkan-driver", "sudo dnf install mesa-vulkan-drivers"],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"', "vulkan-loader", "sudo zypper install libvulkan1"],
    ["ID=arch", "nvidia-driver", "sudo pacman -S nvidia nvidia-utils"],
    ["ID=alpine", "libgomp", "sudo apk add libgomp"],
    ["ID=alpine", "nvidia-driver", undefined],
    ["", "libgomp", undefined],
  ] as const)("of %j for %s", (osRelease, part, command) => {
    expect(installSystemPart(part, osRelease)).toBe(command);
  });
});

it("takes files beside Electron's archive where there are any", () => {
  const exists = (path: string) => path.includes(".unpacked");
  expect(outsideArchive("/a/app.asar/node_modules/x.so", exists)).toBe("/a/app.asar.unpacked/node_modules/x.so");
  expect(outsideArchive("C:\\a\\app.asar\\x.dll", exists)).toBe("C:\\a\\app.asar.unpacked\\x.dll");
  expect(outsideArchive("/a/app.asar/x.so", () => false)).toBe("/a/app.asar/x.so");
  expect(outsideArchive("/a/app.asar.unpacked/x.so", () => true)).toBe("/a/app.asar.unpacked/x.so");
  expect(outsideArchive("/a/b/x.so", () => true)).toBe("/a/b/x.so");
});

describe("the packages for macOS", () => {
  /** Of @node-llama-cpp/mac-arm64-metal and mac-x64 3.21.1. */
  const CONTENTS = {
    metal: ["libggml-base.dylib", "libggml-blas.so", "libggml-cpu-apple_m1.so", "libggml-cpu-apple_m4.so"].concat([
      ...["libggml-metal.so", "libggml.metal.v0.4.0.dylib", "libllama-common.dylib", "libllama.metal.v0.4.0.dylib"],
      ...["_nlcBuildMetadata.json", "llama-addon.node"],
    ]),
    intel: ["libggml-base.dylib", "libggml-blas.so", "libggml-cpu-haswell.so", "libggml.v0.4.0.dylib"].concat([
      ...["libllama-common.dylib", "libllama.v0.4.0.dylib", "llama-addon.node"],
    ]),
  };

  it.each([
    ["metal", ARM_MAC, "libggml.metal.v0.4.0.dylib", "libllama.metal.v0.4.0.dylib", ["metal"]],
    ["intel", INTEL_MAC, "libggml.v0.4.0.dylib", "libllama.v0.4.0.dylib", []],
  ] as const)("are opened by their names: %s", (name, machine, ggml, llama, backends) => {
    const root = makeRoot(CONTENTS[name]);
    for (const file of CONTENTS[name]) writeFileSync(join(root, file), mach(machine));
    const libraries = librariesIn(root);
    expect(libraries).toMatchObject({
      ggmlBase: join(root, "libggml-base.dylib"),
      ggml: join(root, ggml),
      llama: join(root, llama),
    });
    expect(ownBackends(root)).toEqual(backends);
    const arch = machine === ARM_MAC ? "arm64" : "x64";
    expect(filesProblem(libraries, backends[0], { os: "darwin", arch })).toBeUndefined();
    expect(filesProblem(libraries, backends[0], { os: "darwin", arch: arch === "x64" ? "arm64" : "x64" })).toMatch(
      /was built for macOS on (?:arm64|x64), but this is macOS on (?:arm64|x64)/,
    );
  });
});
