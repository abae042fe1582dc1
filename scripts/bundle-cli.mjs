// Bundles the command line into dist/cli, so that a start reads a handful of files instead of two hundred: it takes half the
// processor time. Run by `npm run build:ts`. npm packages stay outside the bundle. Each command is a chunk of its own, loaded only
// when that command is given; what most of them use is one chunk, because every file takes about a millisecond to load.
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "dist", "cli");
/** Entries and commands that use a module of the common chunk. At least as many use what such a module imports: it is there, too. */
const MIN_SHARING = 4;

const bundle = await rolldown({
  input: join(root, "cli", "main.ts"),
  platform: "node",
  // No module is imported for what it does when it loads, so a command leaves out the rest of the library that src/index.ts names.
  treeshake: { moduleSideEffects: false },
  // The library's own import()s are for programs that use it unbundled.
  checks: { ineffectiveDynamicImport: false },
  // Needed for a chunk without all that its modules import.
  preserveEntrySignatures: "allow-extension",
  // Everything but relative imports, and the absolute paths that they resolve to.
  external: (id) => !/^(\.|\/|[A-Za-z]:)/.test(id),
});
rmSync(out, { recursive: true, force: true });
const common = { name: "common", minShareCount: MIN_SHARING, includeDependenciesRecursively: false };
const options = {
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  codeSplitting: { groups: [common] },
};
// Names stay, for stack traces; the tarball must not grow.
const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true } };
const { output } = await bundle.write({ dir: out, ...options, comments: { jsdoc: false }, minify });
await bundle.close();
checkImports(output);
chmodSync(join(out, "main.js"), 0o755);

/** A bundler can add helpers of its own, from packages that users don't have. */
function checkImports(chunks) {
  const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const packages = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  const files = new Set(chunks.map(({ fileName }) => fileName));
  for (const { fileName, imports = [], dynamicImports = [] } of chunks)
    for (const id of [...imports, ...dynamicImports]) {
      const name = id.split("/", id.startsWith("@") ? 2 : 1).join("/");
      if (files.has(id) || isBuiltin(id) || packages.has(name)) continue;
      throw new Error(`dist/cli/${fileName} imports ${id}, which is no dependency in package.json`);
    }
}
