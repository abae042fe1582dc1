/** Installs the package as a user of another platform does: its tarball, by npm, from a registry on the loopback interface. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, publishedManifest } from "../../scripts/pack.mjs";
import { type Manifest, type PublishedPackage, serveRegistry } from "../package/registry.ts";
import { npm } from "../package/support.ts";
import { dependencies } from "./package-copy.ts";

export interface Installation {
  /** As npm's options say them, for example "win32" and "x64". */
  readonly os: string;
  readonly cpu: string;
  /** node_modules with the runtime's package. */
  readonly modules: string;
  /** For example "@node-llama-cpp/win-x64". */
  readonly runtime: string;
}

/**
 * Installs into `folder`, which is made. No script runs, and nothing is compiled.
 *
 * @returns the package's folder
 */
export async function installPackage(folder: string, installation: Installation): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "starling-rm-packed-"));
  try {
    return await installFrom(out, folder, installation);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** @param out for the tarballs */
async function installFrom(out: string, folder: string, { os, cpu, modules, runtime }: Installation): Promise<string> {
  const local = dependencies().map(({ folder: installed }) => packInstalled(installed, out));
  const main = { manifest: publishedManifest() as Manifest, tarball: pack({ out, allowMissing: true }) };
  const registry = await serveRegistry([main, ...local, packInstalled(join(modules, runtime), out)]);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    const args = ["install", "starling-rm", `--os=${os}`, `--cpu=${cpu}`, "--no-audit", "--no-fund"];
    const env = {
      PATH: process.env["PATH"],
      HOME: out,
      npm_config_registry: registry.url,
      npm_config_cache: join(out, "cache"),
    };
    const { status, stderr } = await npm([...args, "--ignore-scripts", "--no-update-notifier"], { cwd: folder, env });
    if (status !== 0) throw new Error(`The package could not be installed for ${os} on ${cpu}: ${stderr}`);
    return join(folder, "node_modules", "starling-rm");
  } finally {
    await registry.close();
  }
}

/** A package as it is installed: npm's own packing takes a second for each. */
function packInstalled(folder: string, out: string): PublishedPackage {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const tarball = join(out, `${manifest.name.replace("/", "-")}-${manifest.version}.tgz`);
  const args = [
    "--create",
    "--gzip",
    "--file",
    tarball,
    "--transform",
    "s,^\\.,package,",
    "--exclude=./node_modules",
    ".",
  ];
  const { status, stderr } = spawnSync("tar", args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, GZIP: "-1" },
  });
  if (status !== 0) throw new Error(`${folder} could not be packed: ${stderr}`);
  return { manifest, tarball };
}
