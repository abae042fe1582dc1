/**
 * What `npm pack` makes in a checkout, installed by every package manager into an empty project outside the checkout, without
 * a compiler and from a registry on the loopback interface. Each scores as Node does in the checkout, to the last bit.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasHost, hostPath } from "../../scripts/fetch-hosts.mjs";
import { npmCli } from "../../scripts/npm.mjs";
import { runtimePackage } from "../../src/native/platforms.ts";
import { RUNTIME_PACKAGE_VERSION } from "../../src/native/runtime-folder.ts";
import { packageRoot } from "../../src/package-info.ts";
import { type Registry, serveRegistry } from "./registry.ts";
import { type Outcome, packPlain, pathWithoutTools, run } from "./support.ts";

interface Client {
  readonly name: string;
  /** What `npm run hosts` fetches; npm is here. */
  readonly host?: string;
  /** It is a program itself, which runs scripts in Node's place. */
  readonly isRuntime?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
  readonly install: (tarball: string) => readonly string[];
  /** The same without optional dependencies, where that is possible. */
  readonly omit?: string;
  /** Before the arguments of `starling-rm`. */
  readonly exec: readonly string[];
  /** Before a script. */
  readonly script?: readonly string[];
}

const CLIENTS: readonly Client[] = [
  {
    name: "npm",
    install: (tarball) => ["install", tarball],
    omit: "--omit=optional",
    exec: ["exec", "--offline", "--", "starling-rm"],
  },
  {
    name: "pnpm",
    host: "pnpm",
    install: (tarball) => ["add", tarball],
    omit: "--no-optional",
    exec: ["exec", "starling-rm"],
  },
  {
    name: "Yarn 1",
    host: "yarn-1",
    install: (tarball) => ["add", tarball, "--non-interactive"],
    omit: "--ignore-optional",
    exec: ["--silent", "starling-rm"],
  },
  {
    name: "Yarn 4 with node_modules",
    host: "yarn-4",
    settings: { "yarn.lock": "", ".yarnrc.yml": "nodeLinker: node-modules\n" },
    install: (tarball) => ["add", `starling-rm@file:${tarball}`],
    exec: ["starling-rm"],
  },
  {
    name: "Yarn 4 with Plug'n'Play",
    host: "yarn-4",
    settings: { "yarn.lock": "", ".yarnrc.yml": "nodeLinker: pnp\n" },
    install: (tarball) => ["add", `starling-rm@file:${tarball}`],
    exec: ["starling-rm"],
    script: ["node"],
  },
  {
    name: "Bun",
    host: "bun",
    isRuntime: true,
    install: (tarball) => ["add", tarball],
    omit: "--omit=optional",
    exec: ["--bun", "run", "starling-rm"],
    script: ["run"],
  },
  {
    name: "Deno",
    host: "deno",
    isRuntime: true,
    settings: { "deno.json": '{ "nodeModulesDir": "auto" }' },
    // It takes no tarballs.
    install: () => ["add", "npm:starling-rm"],
    exec: ["run", "-A", "npm:starling-rm"],
    script: ["run", "-A"],
  },
  {
    name: "Deno without node_modules",
    host: "deno",
    isRuntime: true,
    settings: { "deno.json": '{ "nodeModulesDir": "none" }' },
    install: () => ["add", "npm:starling-rm"],
    exec: ["run", "-A", "npm:starling-rm"],
  },
];

/** Each client installs libraries of its own, and whether our kernels are faster is measured for each: the last digits depend on it. */
const SCORE = ["score", "--model", "tiny", "--kernels", "off", "-p", "Name a fruit.", "-r", "An apple."];
const RUNTIME = `${runtimePackage("cpu")}@${RUNTIME_PACKAGE_VERSION}`;
/** Chat templates are rendered in a process of their own, started by whatever runs this. */
const TEMPLATE = `
  import { createRequire } from "node:module";
  import { dirname, join } from "node:path";
  import { pathToFileURL } from "node:url";
  const root = dirname(createRequire(import.meta.url).resolve("starling-rm/package.json"));
  const { TemplateProcess } = await import(pathToFileURL(join(root, "dist/src/native/template-process.js")).href);
  const render = async (source) => {
    const renderer = new TemplateProcess({ source, tokens: { bos: "<s>", eos: "</s>" }, date: undefined }, { limitMs: 5000 });
    const [{ texts, reason }] = await renderer.render([[["user"], ["hi"]]]);
    renderer.close();
    return texts?.join("|") ?? reason;
  };
  const loop = (name, body) => "{% for " + name + " in range(9999) %}" + body + "{% endfor %}";
  console.log(await render("{% for m in messages %}[{{ m.role }}]{{ m.content }};{% endfor %}"));
  console.log(await render(loop("i", loop("j", loop("k", "")))));
`;

const folder = mkdtempSync(join(tmpdir(), "starling-rm-clients-"));
let env: NodeJS.ProcessEnv;
let registry: Registry;
let tarball: string;
let expected: string;

const line = ({ status, stdout, stderr }: Outcome) => ({ status, stdout, stderr: status === 0 ? "" : stderr });

beforeAll(async () => {
  const packed = join(folder, "packed");
  mkdirSync(packed);
  const packages = packPlain(packed);
  tarball = packages[0]?.tarball as string;
  registry = await serveRegistry(packages);
  const settings = { audit: "false", fund: "false", update_notifier: "false", registry: `${registry.url}/` };
  env = {
    ...Object.fromEntries(["SystemRoot", "TEMP", "TMP"].map((name) => [name, process.env[name]])),
    PATH: pathWithoutTools(join(folder, "bin")),
    HOME: folder,
    USERPROFILE: folder,
    STARLING_RM_CACHE: join(folder, "cache"),
    NO_COLOR: "1",
    CI: "1",
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`npm_config_${name}`, value])),
    NPM_CONFIG_REGISTRY: `${registry.url}/`,
    pnpm_config_registry: `${registry.url}/`,
    YARN_REGISTRY: registry.url,
    YARN_CACHE_FOLDER: join(folder, "yarn cache"),
    YARN_NPM_REGISTRY_SERVER: registry.url,
    YARN_UNSAFE_HTTP_WHITELIST: "127.0.0.1",
    YARN_ENABLE_TELEMETRY: "0",
    YARN_ENABLE_GLOBAL_CACHE: "0",
    YARN_ENABLE_IMMUTABLE_INSTALLS: "0",
    YARN_COMPRESSION_LEVEL: "0",
  };
  const cli = join(packageRoot(), "dist", "cli", "main.js");
  expected = (await run([cli, ...SCORE], { cwd: folder, env })).stdout;
  expect(JSON.parse(expected).score).toBeTypeOf("number");
});

afterAll(async () => {
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a package manager in a project. */
function use({ host, isRuntime }: Client, args: readonly string[], cwd: string): Promise<Outcome> {
  if (host === undefined) return run([npmCli(), ...args], { cwd, env });
  return isRuntime ? run(args, { program: hostPath(host), cwd, env }) : run([hostPath(host), ...args], { cwd, env });
}

const projectFolder = (name: string) => join(folder, name.replaceAll(" ", "-").replaceAll("'", ""));

function makeProject(name: string, settings: Client["settings"] = {}): string {
  const project = projectFolder(name);
  mkdirSync(project);
  const files = { "package.json": '{ "name": "project", "private": true, "type": "module" }', ...settings };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
  return project;
}

describe.each(CLIENTS)("$name", (client) => {
  const missing = client.host !== undefined && !hasHost(client.host);
  if (missing) console.warn(`Not run with ${client.name}: npm run hosts -- ${client.host} fetches it.`);

  it.skipIf(missing)("installs and scores", async () => {
    const project = makeProject(client.name, client.settings);
    expect(line(await use(client, client.install(tarball), project))).toMatchObject({ status: 0, stderr: "" });
    expect(line(await use(client, [...client.exec, ...SCORE], project))).toMatchObject({ status: 0, stdout: expected });
    if (client.script === undefined) return;
    writeFileSync(join(project, "template.mjs"), TEMPLATE);
    const { stdout } = await use(client, [...client.script, "template.mjs"], project);
    expect(stdout.trim().split("\n")).toEqual(["[user]|;", "it took longer than 5 seconds"]);
  });

  it.skipIf(missing)("says how to get a damaged addon again, which is true", async () => {
    const project = projectFolder(client.name);
    const { stdout } = await use(client, [...client.exec, "--version", "--json"], project);
    const { addon } = JSON.parse(stdout);
    truncateSync(addon, statSync(addon).size / 2);
    const { status, stderr } = await use(client, [...client.exec, ...SCORE], project);
    expect([status, stderr]).toEqual([2, expect.stringContaining(`The native addon ${addon} is truncated: `)]);
    const [, installed, commands = ""] = /Install it again: (?:delete (.+?) and run )?`([^`]+)`/.exec(stderr) ?? [];
    if (installed !== undefined)
      rmSync(resolve(project, installed.replace(/^the project's /, "")), { recursive: true, force: true });
    for (const command of commands.split(" && ")) {
      const [program, ...args] = command.split(" ");
      expect(program).toBe(client.host?.replace(/-\d$/, "") ?? "npm");
      expect(line(await use(client, args, project))).toMatchObject({ status: 0, stderr: "" });
    }
    expect(line(await use(client, [...client.exec, ...SCORE], project))).toMatchObject({ status: 0, stdout: expected });
  });

  // Yarn 4 and Deno have no flag that leaves optional packages out.
  if (client.omit === undefined) return;
  const { omit } = client;
  it.skipIf(missing)("names the command that installs llama.cpp's package", async () => {
    const project = makeProject(`${client.name} without optional`, client.settings);
    const installed = await use(client, [...client.install(tarball), omit], project);
    expect(line(installed)).toMatchObject({ status: 0, stderr: "" });
    const { status, stderr } = await use(client, [...client.exec, ...SCORE], project);
    expect(status).toBe(2);
    const [, program, command = ""] = /not installed: run `(\S+) ([^`]*)`/.exec(stderr) ?? [];
    expect([program, command]).toEqual([client.host?.replace(/-\d$/, "") ?? "npm", expect.stringContaining(RUNTIME)]);
    expect(line(await use(client, command.split(" "), project))).toMatchObject({ status: 0, stderr: "" });
    expect(line(await use(client, [...client.exec, ...SCORE], project))).toMatchObject({ status: 0, stdout: expected });
  });
});

describe("npm install ../checkout", () => {
  /** A checkout in which `npm install` has run, or not. */
  function makeCheckout(name: string, isInstalled: boolean): string {
    const checkout = join(folder, name);
    for (const part of [
      "package.json",
      "native",
      "models",
      "scripts",
      "tsconfig.json",
      "tsconfig.build.json",
      "src",
      "cli",
    ])
      cpSync(join(packageRoot(), part), join(checkout, part), { recursive: true });
    if (!isInstalled) return checkout;
    for (const part of ["dist", "build/Release"])
      cpSync(join(packageRoot(), part), join(checkout, part), { recursive: true });
    symlinkSync(join(packageRoot(), "node_modules"), join(checkout, "node_modules"), "junction");
    return checkout;
  }
  const npm = CLIENTS[0] as Client;

  it("says that the checkout is not built", async () => {
    const checkout = makeCheckout("bare-checkout", false);
    const project = makeProject("linked-bare");
    const { status, stderr } = await use(npm, ["install", checkout], project);
    expect(status).toBe(1);
    expect(stderr).toContain(`${checkout} is not built: run \`npm install\` in that folder, then repeat this command.`);
  });
});
