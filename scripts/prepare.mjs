// npm's hook `prepare`: what a checkout needs before it is used or packed, dist and an addon for this machine. npm runs it after
// `npm install` in the checkout, before `npm pack`, and where the checkout is a dependency (`npm install git+URL`,
// `npm install ../checkout`).
import { createRequire } from "node:module";
import { root } from "./build-addon.mjs";
import { install } from "./install.mjs";
import { npm } from "./npm.mjs";

/** Whether what builds dist is installed: npm does not install it for a checkout that another project links. */
function canBuild() {
  const { resolve } = createRequire(import.meta.url);
  try {
    for (const name of ["typescript/package.json", "rolldown"]) resolve(name);
    return true;
  } catch {
    return false;
  }
}

try {
  if (!canBuild())
    throw new Error(`${root} is not built: run \`npm install\` in that folder, then repeat this command.`);
  npm(["run", "build:ts"], { cwd: root });
  install();
} catch (error) {
  console.error(`starling-rm: ${error.message}`);
  process.exitCode = 1;
}
