// Checks a prebuilt addon as a file: what it exports and needs, on which systems it opens, its signature and its size.
import { BuildError } from "../build-addon.mjs";
import { readElf } from "./read-elf.mjs";
import { readMachO } from "./read-mach-o.mjs";
import { readPe } from "./read-pe.mjs";
import { GLIBC, MACOS, TARGETS } from "./targets.mjs";

/** All that Node looks up: the entry, and the version of Node-API. */
export const EXPORTS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];
export const MAX_BYTES = 1_000_000;

/** zig's linker exports them from every library for macOS; they name the library itself. */
const LINKER_SYMBOLS = ["_mh_dylib_header", "__dso_handle"];
/** More are counted only. */
const MAX_LISTED = 5;

/** Libraries that every system of the kind has. On Windows Node itself is none: a host may have another name. */
const SYSTEM_LIBRARIES = {
  glibc: /^(?:lib(?:c|m|dl|pthread|rt)\.so\.\d+|ld-linux-(?:x86-64|aarch64)\.so\.\d)$/,
  musl: /^libc\.so$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(?:kernel32|ntdll|api-ms-win-crt-[a-z]+-l\d-\d-\d)\.dll$/i,
};

/** @throws RangeError for a file that is not a library of a known kind, or is cut off */
export function readLibrary(bytes) {
  const magic = bytes.readUInt32BE(0);
  if (magic === 0x7f454c46) return readElf(bytes);
  if (magic === 0xcffaedfe) return readMachO(bytes);
  if (bytes.toString("latin1", 0, 2) === "MZ") return readPe(bytes);
  throw new RangeError("it is not a library of Linux, macOS or Windows");
}

/**
 * @param {string} name of TARGETS
 * @param {Buffer} bytes
 * @returns {string[]} what is wrong: sentences without a full stop; empty if all is right
 */
export function checkPrebuilt(name, bytes) {
  let library;
  try {
    library = readLibrary(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [`Expected an addon for ${name}, but it cannot be read: ${error.message}`];
  }
  const [system, arch, musl] = name.split("-");
  const problems = [];
  const expect = (what, wanted, found, right) => {
    if (!right) problems.push(`Expected ${wanted} for ${what} but received ${found}`);
  };
  const platform = `${library.system}-${library.arch}`;
  expect("the platform", `${system}-${arch}`, platform, platform === `${system}-${arch}`);
  if (platform !== `${system}-${arch}`) return problems;

  const lacking = EXPORTS.filter((symbol) => !library.exports.includes(symbol));
  expect("its exports", lacking.join(", "), "none", lacking.length === 0);
  const allowed = [...EXPORTS, ...(system === "darwin" ? LINKER_SYMBOLS : [])];
  const surplus = library.exports.filter((symbol) => !allowed.includes(symbol));
  expect("its exports", `only ${EXPORTS.join(", ")}`, listed(surplus), surplus.length === 0);
  const kind = system === "linux" ? (musl === undefined ? "glibc" : "musl") : system;
  const foreign = library.needs.filter((library) => !SYSTEM_LIBRARIES[kind].test(library));
  expect("the libraries it needs", `only the system's (${kind})`, listed(foreign), foreign.length === 0);
  if (kind === "glibc" || kind === "musl") {
    const newest = newestGlibc(library.versions);
    const most = kind === "glibc" ? GLIBC : undefined;
    expect(
      "glibc",
      most === undefined ? "none" : `${most} at most`,
      newest,
      newest === undefined || isAtMost(newest, most),
    );
    if (kind === "glibc") expect("glibc", `libc.so.6 among what it needs`, "none", library.needs.includes("libc.so.6"));
    expect("its stack", "no executable one", "an executable one", !library.executableStack);
  }
  if (kind === "darwin") {
    const { minimum, signature } = library;
    expect(
      "the oldest macOS",
      `${MACOS} at most`,
      minimum ?? "none",
      minimum !== undefined && isAtMost(minimum, MACOS),
    );
    // Apple Silicon opens nothing without one.
    const wanted = arch === "arm64" || signature !== "it has none";
    expect("its signature", "a whole one", signature, !wanted || signature === undefined);
  }
  expect("its size", `${MAX_BYTES} bytes at most`, bytes.length, bytes.length <= MAX_BYTES);
  return problems;
}

function listed(names) {
  const more = names.length - MAX_LISTED;
  return `${names.slice(0, MAX_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** "2.28" of GLIBC_2.17 and GLIBC_2.28; undefined without any. */
function newestGlibc(versions) {
  const numbers = versions.flatMap((version) => /^GLIBC_(\d+(?:\.\d+)*)$/.exec(version)?.[1] ?? []);
  return numbers.sort(compare).at(-1);
}

function isAtMost(version, most) {
  return most !== undefined && compare(version, most) <= 0;
}

/** Of dotted numbers. */
function compare(a, b) {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @throws BuildError with everything that is wrong */
export function assertPrebuilt(name, bytes, path) {
  if (!Object.hasOwn(TARGETS, name))
    throw new BuildError(`Expected one of ${Object.keys(TARGETS).join(", ")} but received ${name}.`);
  const problems = checkPrebuilt(name, bytes);
  if (problems.length > 0)
    throw new BuildError(`${path} is not what it should be. ${problems.map((one) => `${one}.`).join(" ")}`);
}
