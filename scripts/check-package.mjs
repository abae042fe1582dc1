// Looks for mistakes in what would be published, with publint and @arethetypeswrong/cli. Needs the network: npx fetches them,
// because together they bring 60 packages and their own version of TypeScript, which no other step needs.
// Usage: node scripts/check-package.mjs [TARBALL]   (default: packs one; run npm run build:ts before)
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { npm } from "./npm.mjs";
import { pack } from "./pack.mjs";

const PUBLINT = "publint@0.3.25";
const ATTW = "@arethetypeswrong/cli@0.18.5";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-check-"));
try {
  const [given] = process.argv.slice(2);
  const tarball = given === undefined ? pack({ out: folder, allowMissing: true }) : resolve(given);
  const run = (name, ...args) => console.log(npm(["exec", "--yes", "--", name, ...args], { cwd: folder }));
  run(PUBLINT, "run", tarball, "--strict");
  run(ATTW, tarball, "--profile", "esm-only");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
