/**
 * What a user gets: the packed packages, installed by npm from a registry into an empty folder outside the checkout, whose
 * path has spaces and letters beyond ASCII, without install scripts and without a compiler.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assertComplete, missingPrebuilds } from "../../scripts/pack.mjs";
import { runtimePackage } from "../../src/native/platforms.ts";
import { currentTarget, PREBUILD_NAMES, prebuildName, prebuildPath } from "../../src/native/prebuilds.ts";
import { packageRoot } from "../../src/package-info.ts";
import { type PublishedPackage, type Registry, serveRegistry } from "./registry.ts";
import { BUILD_TOOLS, exists, npm, type Outcome, packAll, pathWithoutTools, run } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-package-"));
const project = join(folder, "mit Leerzeichen, äöü und 名前");
const installed = join(project, "node_modules", "starling-rm");
const platform = prebuildName(currentTarget());
/** Nothing of the caller's: no npm settings, no way to a compiler. */
let env: NodeJS.ProcessEnv;
let packages: PublishedPackage[];
let registry: Registry;
let installation: Outcome;

beforeAll(async () => {
  const packed = join(folder, "packed");
  mkdirSync(packed);
  mkdirSync(project);
  packages = packAll(packed);
  registry = await serveRegistry(packages);
  env = {
    ...Object.fromEntries(["SystemRoot", "TEMP", "TMP"].map((name) => [name, process.env[name]])),
    PATH: pathWithoutTools(join(folder, "bin")),
    HOME: folder,
    USERPROFILE: folder,
    STARLING_RM_CACHE: join(project, "cache"),
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, "npm cache"),
    npm_config_ignore_scripts: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  installation = await npm(["install", "starling-rm"], { cwd: project, env });
});

afterAll(async () => {
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything that the package exports, in one entry each: a change here is a change of the public interface. */
const EXPORTS = [
  ...["FeatureTable", "FileError", "HubError", "InvalidInputError", "ModelClosedError", "NativeError"],
  ...["RewardCompressor", "RewardModel", "RewardServer"],
  ...[
    "RewardTokenizer",
    "StarlingError",
    "StrictStop",
    "attach",
    "benchmarks",
    "compareModels",
    "compareRuns",
    "convert",
    "createServer",
    "diagnose",
    "embeddedModelPath",
    "evaluate",
  ],
  ...["extractFeatures", "fitHead", "fitModel", "inspectModel", "isStarlingError", "knownModels"],
  ...["loadRewardModel", "loadTokenizer"],
  ...[
    "modelNotices",
    "openRows",
    "predictMemory",
    "preferenceAdapters",
    "probe",
    "probes",
    "pull",
    "quantize",
    "readItems",
    "renderComparison",
    "renderHtml",
    "replaceHead",
    "rerankingModel",
    "weightTypes",
  ],
  ...["writeHead", "writeReport"],
];
/** What a snippet that has no imports may use. */
const CONTEXT = `
  import { loadRewardModel } from "starling-rm";
  const model = await loadRewardModel({ modelPath: "tiny" });
  async function* candidatesOf() { yield* ["Blue.", "The sea is salt."]; }
  const candidates: AsyncIterable<string> = candidatesOf();
`;

/** The TypeScript of a page, also in lists, with the demonstration model in place of the real one. */
function snippetsOf(page: string): string[] {
  const blocks = page.matchAll(/^( *)```ts\n(.*?)^\1```$/gms);
  return Array.from(blocks, ([, , code = ""]) => code.replaceAll(/"[^"]*\.gguf"/g, '"tiny"'));
}

const PEER_CONSUMERS = ["ai.ts", "langchain.ts"];
const CONSUMERS = ["root.ts", "convert.ts", "eval.ts", "fit.ts", "hub.ts", "commonjs.cts"];

describe("an installation without a compiler", () => {
  it("has no build tool in sight", () => {
    expect(BUILD_TOOLS.filter((tool) => exists(tool, env["PATH"] ?? ""))).toEqual([]);
  });

  it("has the addon and gets the runtime of this platform", () => {
    expect(installation.status, installation.stderr).toBe(0);
    const lock = JSON.parse(readFileSync(join(project, "node_modules", ".package-lock.json"), "utf8"));
    const names = Object.keys(lock.packages).map((path) => path.replace("node_modules/", ""));
    const native = names.filter((name) => /^@node-llama-cpp\//.test(name));
    expect(native).toEqual([runtimePackage("cpu")]);
    expect(existsSync(prebuildPath(installed, platform))).toBe(true);
    expect(names).not.toContain("node-llama-cpp");
    expect(existsSync(join(installed, "build"))).toBe(false);
  });

  it("holds what it says, and neither tests, bench nor examples", () => {
    const { exports, bin, types, typesVersions } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const entries = Object.values(exports).flatMap((entry) =>
      typeof entry === "string" ? entry : Object.values(entry as object),
    );
    for (const path of [...entries, bin["starling-rm"], types])
      expect(existsSync(join(installed, path)), path).toBe(true);
    // TypeScript's resolution "node10" does not read "exports".
    const subpaths = Object.entries<{ types: string }>(exports).filter(([name]) => /^\.\/\w+$/.test(name));
    expect(typesVersions["*"]).toEqual(
      Object.fromEntries(subpaths.map(([name, entry]) => [name.slice(2), [entry.types]])),
    );
    // What scripts/mac-check.mjs compares with.
    expect(readdirSync(join(installed, "test"), { recursive: true }).sort()).toEqual([
      "fixtures",
      join("fixtures", "goldens"),
      join("fixtures", "goldens", "starling-rm-tiny.json"),
      join("fixtures", "texts.jsonl"),
    ]);
    for (const name of ["bench", "examples", "src"]) expect(existsSync(join(installed, name)), name).toBe(false);
  });

  it("has documents whose links lead somewhere: to files in the package, or to this repository's on the web", () => {
    const pages = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
    expect(pages).toEqual(expect.arrayContaining(["README.md", join("docs", "install.md")]));
    const { homepage, bugs, repository } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const site = homepage.replace("#readme", "");
    expect([bugs, repository.url]).toEqual([`${site}/issues`, `git+${site}.git`]);
    const raw = site.replace("github.com", "raw.githubusercontent.com");
    const broken = pages.flatMap((page) => {
      const links = readFileSync(join(installed, page), "utf8").matchAll(/\]\(([^)#\s]+)[^)]*\)/g);
      return Array.from(links, ([, link = ""]) => {
        const own = [`${site}/blob/main/`, `${site}/tree/main/`, `${raw}/main/`].find((start) =>
          link.startsWith(start),
        );
        if (own !== undefined) return existsSync(join(packageRoot(), link.slice(own.length))) ? [] : [page, link];
        return /^[a-z]+:/.test(link) || existsSync(join(installed, dirname(page), link)) ? [] : [page, link];
      }).filter(({ length }) => length > 0);
    });
    expect(broken).toEqual([]);
  });

  it("scores from the command line, twice the same", async () => {
    const args = [
      "exec",
      "--offline",
      "--",
      "starling-rm",
      "score",
      "--model",
      "tiny",
      "-p",
      "Name a fruit.",
      "-r",
      "An apple.",
    ];
    const first = await npm(args, { cwd: project, env });
    expect(first).toMatchObject({ status: 0 });
    const { score } = JSON.parse(first.stdout);
    expect(score).toBeTypeOf("number");
    expect(score).not.toBe(0);
    expect((await npm(args, { cwd: project, env })).stdout).toBe(first.stdout);
  });

  it("is a module that scores", async () => {
    const script = join(project, "consumer.mjs");
    writeFileSync(
      script,
      `import { loadRewardModel } from "starling-rm";
       const model = await loadRewardModel({ modelPath: "tiny" });
       const ranked = await model.rank({ prompt: "Name a fruit.", responses: ["An apple.", "I hate you."] });
       await model.close();
       console.log(ranked.map(({ response }) => response).join("|"));`,
    );
    const { status, stdout, stderr } = await run([script], { cwd: project, env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.trim()).toBe("An apple.|I hate you.");
  });

  it("loads nothing of the optional peers, and names the one that an entry needs", async () => {
    expect(existsSync(join(project, "node_modules", "ai"))).toBe(false);
    const script = join(project, "without-peers.mjs");
    writeFileSync(
      script,
      `const { rerankingModel } = await import("starling-rm/ai");
       const error = await import("starling-rm/langchain").catch(({ message }) => message);
       console.log(typeof rerankingModel, error);`,
    );
    const { status, stdout } = await run([script], { cwd: project, env });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^function .*'@langchain\/core'/) });
  });

  it("finds the optional peers once they are installed", () => {
    // As npm would; packing them and what they depend on takes a minute.
    for (const name of ["ai", "@langchain"])
      symlinkSync(join(packageRoot(), "node_modules", name), join(project, "node_modules", name), "junction");
  });

  /** Type-checks the consumers in a project with these options; declarations of the package are checked, too. */
  async function typeCheck(
    name: string,
    compilerOptions: Readonly<Record<string, unknown>>,
    extension: string,
    consumed = CONSUMERS,
  ) {
    const consumers = fileURLToPath(new URL("consumers", import.meta.url));
    const place = join(project, name);
    const files = consumed.filter((file) => file.endsWith(".cts") === (extension === ".cts"));
    const names = files.map((file) => file.replace(/\.c?ts$/, extension));
    mkdirSync(place);
    for (const [i, file] of files.entries()) cpSync(join(consumers, file), join(place, names[i] as string));
    const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    const typeRoots = [join(packageRoot(), "node_modules", "@types")];
    const checked = { ...strict, skipLibCheck: false, noEmit: true, target: "es2022", typeRoots, types: ["node"] };
    const config = { compilerOptions: { ...checked, ...compilerOptions }, files: names };
    writeFileSync(join(place, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(packageRoot(), "node_modules", "typescript", "bin", "tsc");
    expect(await run([tsc, "-p", place], { cwd: place, env })).toMatchObject({ status: 0, stdout: "" });
  }

  it.each([
    ["nodenext", { module: "nodenext" }, ".mts"],
    ["bundler", { module: "esnext", moduleResolution: "bundler" }, ".ts"],
    ["CommonJS on Node 18 and later", { module: "node18" }, ".cts"],
    ["CommonJS through a bundler", { module: "commonjs", moduleResolution: "bundler" }, ".cts"],
  ])("has types for the root and each subpath: %s", typeCheck);

  // The declarations of the other packages have errors of their own under these options.
  it.each([
    ["nodenext, with the peers", { module: "nodenext", skipLibCheck: true }, ".mts"],
    ["bundler, with the peers", { module: "esnext", moduleResolution: "bundler", skipLibCheck: true }, ".ts"],
  ])("has types for the entries of other libraries: %s", (name, options, extension) =>
    typeCheck(name, options, extension, PEER_CONSUMERS),
  );

  it.each(["README.md", "docs/cookbook.md", "docs/integrations.md"])(
    "compiles and runs the snippets of %s",
    async (page) => {
      const place = join(project, `snippets of ${page.replace("/", " ")}`);
      mkdirSync(place);
      writeFileSync(join(place, "questions.csv"), "question,answer\nName a prime.,7\nName a prime.,8\n");
      const snippets = snippetsOf(readFileSync(join(packageRoot(), page), "utf8"));
      expect(snippets.length).toBeGreaterThan(1);
      const files = snippets.map((_, i) => `snippet-${i}.mts`);
      // A snippet without imports goes on from the first one.
      for (const [i, snippet] of snippets.entries())
        writeFileSync(
          join(place, files[i] as string),
          snippet.includes("import ") ? snippet : `${CONTEXT}\n${snippet}`,
        );
      const compilerOptions = {
        ...{ module: "nodenext", target: "es2022", strict: true, noUncheckedIndexedAccess: true, outDir: "out" },
        ...{ typeRoots: [join(packageRoot(), "node_modules", "@types")], types: ["node"] },
        skipLibCheck: page === "docs/integrations.md",
      };
      writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
      const tsc = join(packageRoot(), "node_modules", "typescript", "bin", "tsc");
      expect(await run([tsc, "-p", place], { cwd: place, env })).toMatchObject({ status: 0, stdout: "" });
      for (const file of files) {
        const { status, stderr, stdout } = await run([join(place, "out", file.replace(".mts", ".mjs"))], {
          cwd: place,
          env,
        });
        expect({ status, stderr }, snippets[files.indexOf(file)]).toEqual({ status: 0, stderr: "" });
        // Each prints a score or what it leads to.
        expect(stdout, snippets[files.indexOf(file)]).toMatch(/-?\d+\.\d+/);
      }
    },
  );

  it("is imported by CommonJS, by the root and each subpath", async () => {
    const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const names = Object.keys(exports).filter((name) => name !== "./package.json");
    const specifiers = names.map((name) => name.replace(".", "starling-rm"));
    const script = join(project, "consumer.cjs");
    writeFileSync(
      script,
      `Promise.all(${JSON.stringify(specifiers)}.map((name) => import(name)))
        .then((entries) => console.log(entries.flatMap(Object.keys).sort().join(" ")));`,
    );
    const { status, stdout } = await run([script], { cwd: project, env });
    const exported = stdout.trim().split(" ");
    expect({ status, names }).toEqual({
      status: 0,
      names: [".", "./ai", "./convert", "./eval", "./fit", "./hub", "./langchain", "./server"],
    });
    expect(exported).toEqual([...new Set(exported)]);
    expect(exported).toEqual(EXPORTS);
  });

  it("has an install script that finds nothing to do", async () => {
    const outcome = await run([join(installed, "scripts", "install.mjs")], { cwd: installed, env });
    expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});

it("a package for release needs the addons of all platforms", () => {
  expect(missingPrebuilds(folder)).toEqual(PREBUILD_NAMES);
  expect(() => assertComplete(["win32-arm64"])).toThrow("for all platforms but these are missing: win32-arm64.");
  expect(() => assertComplete([])).not.toThrow();
});

describe("an installation without an addon that fits", () => {
  const other = PREBUILD_NAMES.find((name) => name !== platform) as string;
  beforeAll(() => {
    const path = prebuildPath(installed, other);
    mkdirSync(dirname(path), { recursive: true });
    renameSync(prebuildPath(installed, platform), path);
  });

  it("says when it is installed what a build needs", async () => {
    const { status, stderr } = await run([join(installed, "scripts", "install.mjs")], { cwd: installed, env });
    expect(status).toBe(0);
    for (const tool of ["cmake", "git"]) expect(stderr).toContain(tool);
    expect(stderr).toContain("npm install --save-dev --save-exact --ignore-scripts cmake-js@");
  });

  it("says when it is used what to run", async () => {
    const cli = join(installed, "dist", "cli", "main.js");
    const args = ["score", "--model", "tiny", "-p", "a", "-r", "b"];
    const { status, stderr } = await run([cli, ...args], { cwd: project, env });
    expect(status).toBe(2);
    expect(stderr).toContain("only for ");
    expect(stderr).toContain(other);
    expect(stderr).toContain(`run \`node ${JSON.stringify(join(installed, "scripts", "build-addon.mjs"))}\``);
  });
});
