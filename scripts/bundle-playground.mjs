// Bundles the page of `starling-rm serve` (src/server/playground/page) into dist/src/server/playground/page: one script, one style
// sheet, and the licences of what is inside. Run by `npm run build:ts`. Names have a hash of the content in them, so browsers may keep
// the files for ever.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const from = join(root, "src", "server", "playground", "page");
const out = join(root, "dist", "src", "server", "playground", "page");
/** What the bundle holds parts of; lit is these. */
const PACKAGES = ["lit", "lit-html", "lit-element", "@lit/reactive-element"];

const bundle = await rolldown({
  input: join(from, "main.ts"),
  platform: "browser",
  tsconfig: join(from, "tsconfig.json"),
  treeshake: { moduleSideEffects: (id) => id.endsWith("main.ts") || id.includes("node_modules") },
});
const { output } = await bundle.generate({ format: "esm", minify: true, comments: { legal: false } });
await bundle.close();
const [script, ...more] = output;
if (more.length > 0 || script.imports.length > 0)
  throw new Error(
    `Expected one file without imports, but there are ${script.imports} and ${more.map(({ fileName }) => fileName)}.`,
  );

const require = createRequire(import.meta.url);
const licences = PACKAGES.map((name) => {
  const folder = require.resolve.paths(name)?.map((path) => join(path, name)) ?? [];
  const text = folder.map((path) => read(join(path, "LICENSE"))).find((found) => found !== undefined);
  if (text === undefined) throw new Error(`The licence of ${name} was not found.`);
  return `${name}\n\n${text.trim()}\n`;
});
const style = readFileSync(join(from, "playground.css"), "utf8");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const LICENCES = "licenses.txt";
const scriptName = write("playground", "js", `/* Licences: ${LICENCES} */\n${script.code}`);
const styleName = write("playground", "css", minified(style));
writeFileSync(join(out, LICENCES), licences.join(`\n${"-".repeat(80)}\n\n`));
const page = readFileSync(join(from, "index.html"), "utf8").replace("SCRIPT", scriptName).replace("STYLE", styleName);
writeFileSync(join(out, "index.html"), page);
writeFileSync(join(out, "assets.json"), JSON.stringify([scriptName, styleName, LICENCES]));

function write(name, extension, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const file = `${name}-${hash}.${extension}`;
  writeFileSync(join(out, file), content);
  return file;
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Without comments and indentation: the sheet has neither in strings. */
function minified(css) {
  return css
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
}
