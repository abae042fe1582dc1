// The first step of npm's hook `prepare`: whether what builds dist is installed. For a checkout that another project links
// (`npm install ../checkout`) npm runs the hook without installing that.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { resolve } = createRequire(import.meta.url);
try {
  for (const name of ["typescript/package.json", "rolldown"]) resolve(name);
} catch {
  console.error(`starling-rm: ${root} is not built: run \`npm install\` in that folder, then repeat this command.`);
  process.exitCode = 1;
}
