// Bundles the command line into dist/cli, so that a start reads a handful of files instead of two hundred: it takes half the
// processor time. Run by `npm run build:ts`. npm packages stay outside the bundle. Each command is a chunk of its own, loaded only
// when that command is given.
import { chmodSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "dist", "cli");

const bundle = await rolldown({
  input: join(root, "cli", "main.ts"),
  platform: "node",
  // Everything but relative imports, and the absolute paths that they resolve to.
  external: (id) => !/^(\.|\/|[A-Za-z]:)/.test(id),
});
rmSync(out, { recursive: true, force: true });
const options = { format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name].js" };
// Names stay, for stack traces; the tarball must not grow.
const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true } };
await bundle.write({ dir: out, ...options, comments: { jsdoc: false }, minify });
await bundle.close();
chmodSync(join(out, "main.js"), 0o755);
