// For a plain `npm pack` in a checkout: without a prebuilt addon for this machine the one that was built here goes into the
// package. Run by npm before (`--before`) and after (`--after`) it packs.
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { currentTarget, prebuildName, prebuildPath } from "../dist/src/native/prebuilds.js";
import { addonPath, root } from "./build-addon.mjs";
import { isOwnBuild } from "./pack.mjs";

/** @param {"before" | "after"} when */
function prepack(when) {
  const path = prebuildPath(root, prebuildName(currentTarget()));
  if (when === "after") {
    if (isOwnBuild(path)) rmSync(dirname(path), { recursive: true });
    return;
  }
  if (existsSync(path)) return;
  if (!existsSync(addonPath)) {
    console.warn(
      "The package has no native addon for this machine: run npm run build:addon or npm run prebuilds before.",
    );
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(addonPath, path);
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1])
  prepack(process.argv.includes("--after") ? "after" : "before");
