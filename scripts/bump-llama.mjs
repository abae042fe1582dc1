// Moves this project to another llama.cpp: `npm run bump-llama -- VERSION`, where VERSION is one of node-llama-cpp, whose
// packages bring llama.cpp's libraries, source and headers. Without VERSION: the one that package.json has for node-llama-cpp.
// Sets every pin and the constants that follow from it; `npm test` then shows what llama.cpp changed (.github/CONTRIBUTING.md).
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFolder, root } from "./build-addon.mjs";
import { npm } from "./npm.mjs";

const MANIFEST = join(root, "package.json");
const CONSTANTS = join(root, "src", "native", "runtime-folder.ts");
const PREFILL_LIBRARIES = join(root, "src", "native", "prefill-libraries.ts");
/** Where a command names a package with its version. */
const DOCUMENTS = ["README.md", join("docs", "install.md")];

const isRuntime = (name) => name.startsWith("@node-llama-cpp/");

/** The versions in package.json that must be equal: node-llama-cpp and the packages with its libraries, by name. */
export function pinnedVersions() {
  const { devDependencies, optionalDependencies } = JSON.parse(readFileSync(MANIFEST, "utf8"));
  return new Map([
    ["node-llama-cpp", devDependencies["node-llama-cpp"]],
    ...Object.entries(optionalDependencies).filter(([name]) => isRuntime(name)),
  ]);
}

/** @param {(text: string) => string} change */
function rewrite(path, change) {
  const before = readFileSync(path, "utf8");
  const after = change(before);
  if (after !== before) writeFileSync(path, after);
}

function pin(version) {
  rewrite(MANIFEST, (text) => {
    const manifest = JSON.parse(text);
    manifest.devDependencies["node-llama-cpp"] = version;
    for (const name of Object.keys(manifest.optionalDependencies).filter(isRuntime))
      manifest.optionalDependencies[name] = version;
    return `${JSON.stringify(manifest, null, 2)}\n`;
  });
}

function writeConstants(version, llamaVersion) {
  const set = (text, name, value) => {
    const pattern = new RegExp(`(export const ${name} = ")[^"]*(";)`);
    if (!pattern.test(text)) throw new Error(`${CONSTANTS} has no constant ${name}.`);
    return text.replace(pattern, `$1${value}$2`);
  };
  rewrite(CONSTANTS, (text) => set(set(text, "RUNTIME_PACKAGE_VERSION", version), "LLAMA_VERSION", llamaVersion));
  for (const name of DOCUMENTS)
    rewrite(join(root, name), (text) => text.replaceAll(/(@node-llama-cpp\/[\w-]+@)\d[\w.-]*\w/g, `$1${version}`));
}

/** The version of llama.cpp in the installed node-llama-cpp, such as "0.4.0". */
export function llamaVersionOf(folder) {
  const { tag } = JSON.parse(readFileSync(join(folder, "llama", "llama.cpp.info.json"), "utf8"));
  return tag.replace(/^v/, "");
}

/** SHA-256 of the CPU libraries that our prefill kernels go into, sorted; undefined where their package is not installed. */
export function prefillLibraryHashes() {
  const package_ = packageFolder("@node-llama-cpp/linux-x64");
  if (package_ === undefined) return undefined;
  const folder = join(package_, "bins", "linux-x64");
  return readdirSync(folder)
    .filter((name) => name.startsWith("libggml-cpu-"))
    .map((name) =>
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    )
    .sort();
}

function writePrefillLibraries() {
  const hashes = prefillLibraryHashes();
  if (hashes === undefined) throw new Error("Run this on Linux on x86-64: it needs the libraries of its package.");
  const list = hashes.map((hash) => `  "${hash}",\n`).join("");
  rewrite(PREFILL_LIBRARIES, (text) => text.replace(/new Set\(\[\n[^\]]*\]/, `new Set([\n${list}]`));
}

function main(version = pinnedVersions().get("node-llama-cpp")) {
  if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    throw new Error(`Expected a version such as 3.21.1 but received ${version}.`);
  pin(version);
  // Their install scripts would download or build what is not needed.
  npm(["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: root });
  const llamaVersion = llamaVersionOf(packageFolder("node-llama-cpp"));
  writeConstants(version, llamaVersion);
  writePrefillLibraries();
  console.log(`node-llama-cpp ${version}, llama.cpp ${llamaVersion}. Now: npm run build:addon && npm test`);
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) main(process.argv[2]);
