/** The platforms with a prebuilt addon, as src/native/prebuilds.ts names them, and how zig and CMake name each. */

/** Their C library is this old at most: Debian 10, RHEL 8, and every Node from 20 on. */
export const GLIBC = "2.28";
/** The oldest macOS on Apple Silicon. */
export const MACOS = "11.0";

/**
 * @typedef {object} PrebuildTarget
 * @property {string} zig zig's name
 * @property {"Linux" | "Darwin" | "Windows"} system CMake's name
 * @property {string} processor CMake's name
 */

/** @type {Readonly<Record<string, PrebuildTarget>>} */
export const TARGETS = {
  "linux-x64": { zig: `x86_64-linux-gnu.${GLIBC}`, system: "Linux", processor: "x86_64" },
  "linux-arm64": { zig: `aarch64-linux-gnu.${GLIBC}`, system: "Linux", processor: "aarch64" },
  "linux-x64-musl": { zig: "x86_64-linux-musl", system: "Linux", processor: "x86_64" },
  "linux-arm64-musl": { zig: "aarch64-linux-musl", system: "Linux", processor: "aarch64" },
  "darwin-arm64": { zig: `aarch64-macos.${MACOS}`, system: "Darwin", processor: "arm64" },
  "darwin-x64": { zig: `x86_64-macos.${MACOS}`, system: "Darwin", processor: "x86_64" },
  "win32-x64": { zig: "x86_64-windows-gnu", system: "Windows", processor: "AMD64" },
  "win32-arm64": { zig: "aarch64-windows-gnu", system: "Windows", processor: "ARM64" },
};
