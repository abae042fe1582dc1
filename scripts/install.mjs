// Builds the native addon unless a prebuilt or earlier build fits. The last step of npm's hook `prepare` in a checkout, and the
// hook `install` of a package that lacks the addon of some platform. Clients may skip or silence that one; it matters
// only where no prebuilt addon fits. Missing build tools do not fail the installation: inspecting files works without the
// addon, and its first use names the command to run.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { addonPath, BuildError, buildAddon, root, whatIsMissing } from "./build-addon.mjs";

const buildScript = join(root, "scripts", "build-addon.mjs");

const contractVersion = /STARLING_CONTRACT_VERSION = (\d+)/.exec(
  readFileSync(join(root, "native", "node", "addon.cpp"), "utf8"),
)?.[1];

/** Whether the addon on disk is newer than its sources and loads with the right contract, tried in a child process. */
function fits() {
  if (!existsSync(addonPath)) return false;
  const built = statSync(addonPath).mtimeMs;
  const native = join(root, "native");
  if (readdirSync(native, { recursive: true }).some((name) => statSync(join(native, name)).mtimeMs > built))
    return false;
  const check = "process.exitCode = String(require(process.argv[1]).contractVersion) === process.argv[2] ? 0 : 1";
  return spawnSync(process.execPath, ["-e", check, addonPath, contractVersion], { stdio: "ignore" }).status === 0;
}

/** Whether the package has an addon for this platform that opens, tried in a child process. A fresh checkout has no dist yet. */
function prebuiltFits() {
  const loader = join(root, "dist", "src", "native", "load-addon.js");
  if (!existsSync(loader)) return false;
  const check = `const { openAddon } = await import(process.argv[1]);
    if (openAddon(process.argv[2]).path === process.argv[3]) process.exit(1);`;
  const args = ["--input-type=module", "-e", check, pathToFileURL(loader).href, root, addonPath];
  return spawnSync(process.execPath, args, { stdio: "ignore" }).status === 0;
}

/** Builds the addon if none fits, or says what is missing. */
export function install() {
  if (process.env.STARLING_RM_SKIP_BUILD === "1") {
    console.log("starling-rm: STARLING_RM_SKIP_BUILD=1: the native addon was not built.");
    return;
  }
  if (fits() || prebuiltFits()) return;
  const missing = whatIsMissing();
  if (missing !== undefined) {
    const problem = `The package has no addon that opens on ${process.platform} on ${process.arch}.`;
    console.warn(`starling-rm: ${problem} ${missing} Then run: node ${JSON.stringify(buildScript)}`);
    return;
  }
  try {
    const { seconds } = buildAddon();
    console.log(`starling-rm: the native addon was built in ${seconds.toFixed(1)} s.`);
  } catch (error) {
    console.error(error instanceof BuildError ? `starling-rm: ${error.message}` : error);
    process.exitCode = 1;
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) install();
