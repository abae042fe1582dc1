/** Builds the programs in bench/native with native/CMakeLists.txt. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Builds a program if its sources changed.
 *
 * @param {"prompt_rate" | "gemm_peak"} name
 * @returns {string} the program's path
 */
export function buildNative(name) {
  const headers = join(root, "build", "llama-headers");
  if (!existsSync(join(headers, "stamp.json")))
    throw new Error("llama.cpp's headers are missing. Run npm run build:addon first.");
  const folder = join(root, "build", "bench");
  const nodeAddonApi = dirname(createRequire(import.meta.url).resolve("node-addon-api"));
  const forward = (path) => path.replaceAll("\\", "/");
  cmake([
    "-S",
    join(root, "native"),
    "-B",
    folder,
    "-DCMAKE_BUILD_TYPE=Release",
    "-DSTARLING_BENCH=ON",
    `-DSTARLING_LLAMA_HEADERS=${forward(headers)}`,
    `-DSTARLING_NODE_ADDON_API=${forward(nodeAddonApi)}`,
  ]);
  cmake(["--build", folder, "--config", "Release", "--target", name]);
  const file = process.platform === "win32" ? `${name}.exe` : name;
  const built = [join(folder, file), join(folder, "Release", file)].find((path) => existsSync(path));
  if (built === undefined) throw new Error(`cmake did not build ${file} in ${folder}.`);
  return built;
}

function cmake(args) {
  const { status, error, stdout, stderr } = spawnSync("cmake", args, { encoding: "utf8" });
  if (status === 0) return;
  throw new Error([`cmake ${args.join(" ")} failed`, error?.message, stdout, stderr].filter(Boolean).join("\n"));
}
