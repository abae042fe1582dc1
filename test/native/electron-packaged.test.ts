/**
 * The example as electron-builder packages it: app.asar with everything, and app.asar.unpacked with what `asarUnpack` of the example's
 * package.json names. Under Electron, fs and import see all files in the archive, and only real files can be opened by the system's
 * loader or run. Here the archive is a folder in which every file that is unpacked is replaced by other bytes of the same name: whatever
 * opened them would fail.
 */
import { fork } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScorerClient } from "../../examples/electron/scorer-client.mjs";
import { packageFolder } from "../../src/native/package-folder.ts";
import { runtimePackage } from "../../src/native/platforms.ts";
import { packageRoot } from "../../src/package-info.ts";
import { folder, removeFolder } from "./support.ts";

const root = packageRoot();
const archive = join(folder, "resources", "app.asar");
const unpacked = `${archive}.unpacked`;
const example = JSON.parse(readFileSync(join(root, "examples", "electron", "package.json"), "utf8"));

/** electron-builder's globs, as far as the example uses them. */
function matcher(glob: string): RegExp {
  const parts = glob.split(/(\*\*\/|\*\*|\*|\{[^}]*\})/).map((part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part.startsWith("{")) return `(?:${part.slice(1, -1).replaceAll(",", "|")})`;
    return part.replaceAll(/[.+?^$()[\]\\|]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}
const patterns: RegExp[] = example.build.asarUnpack.map(matcher);

function install(name: string, from: string, what: readonly string[]): void {
  for (const part of what)
    if (existsSync(join(from, part)))
      cpSync(join(from, part), join(archive, "node_modules", name, part), { recursive: true, dereference: true });
}

/** Moves what is unpacked out of the archive. */
function unpack(at = ""): void {
  for (const entry of readdirSync(join(archive, at))) {
    const path = at === "" ? entry : `${at}/${entry}`;
    if (statSync(join(archive, path)).isDirectory()) unpack(path);
    else if (patterns.some((pattern) => pattern.test(path))) {
      mkdirSync(dirname(join(unpacked, path)), { recursive: true });
      cpSync(join(archive, path), join(unpacked, path));
      // The archive still shows it, and JavaScript can read what matters to Node's resolution.
      if (!path.endsWith("/package.json")) writeFileSync(join(archive, path), "inside the archive\n");
    }
  }
}

beforeAll(() => {
  cpSync(join(root, "examples", "electron"), archive, {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  install("starling-rm", root, ["package.json", "dist", "native", "models", "build/Release", "prebuilds"]);
  const runtime = runtimePackage("cpu") as string;
  install(runtime, packageFolder(runtime, root) as string, ["package.json", "bins"]);
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(archive, "node_modules", name)), { recursive: true });
    symlinkSync(packageFolder(name, root) as string, join(archive, "node_modules", name), "junction");
  }
  unpack();
});
afterAll(removeFolder);

const child = (script: string) =>
  fork(script, [], {
    execArgv: ["--import", pathToFileURL(fileURLToPath(new URL("electron-parent-port.mjs", import.meta.url))).href],
    env: { ...process.env, STARLING_RM_MODEL: "", STARLING_RM_CACHE: join(folder, "cache") },
  });

describe("the packaged example", () => {
  it("unpacks the addon, the libraries, the scripts of child processes and the demonstration model, and no JavaScript else", () => {
    const names = readdirSync(join(unpacked, "node_modules", "starling-rm"), { recursive: true }).map(String);
    for (const part of [".node", "probe.cjs", "template-process.cjs", "model.safetensors.index.json"])
      expect(
        names.some((name) => name.endsWith(part)),
        part,
      ).toBe(true);
    expect(names.filter((name) => name.startsWith("dist"))).toEqual([]);
    expect(existsSync(join(unpacked, "node_modules", runtimePackage("cpu") as string, "bins"))).toBe(true);
  });

  it("ranks with the demonstration model", async () => {
    const scorer = child(join(archive, "scorer.mjs"));
    const client = new ScorerClient(() => ({
      postMessage: (message: unknown) => void scorer.send(message as object),
      on: (event: "message" | "exit", listener: (value: unknown) => void) => scorer.on(event, listener),
      kill: () => scorer.kill(),
    }));
    const ranked = await client.rank({ prompt: "Name a fruit.", responses: ["I hate you.", "An apple."] });
    expect(ranked[0]?.response).toBe("An apple.");
    client.close();
    await new Promise((resolve) => scorer.once("exit", resolve));
  });

  it("runs the probe and a model's own chat template in child processes", async () => {
    const script = join(archive, "check.mjs");
    writeFileSync(
      script,
      `import { diagnose } from "starling-rm";
      import { TemplateProcess } from "./node_modules/starling-rm/dist/src/native/template-process.js";
      const { ready, addon, runtimes } = await diagnose();
      const template = new TemplateProcess({ source: "{{ messages[0].content }}!", tokens: {} });
      const [rendered] = await template.render([[["user"], ["Hi"]]]);
      template.close();
      process.send({ ready, addon, runtimes, rendered });
      process.disconnect();`,
    );
    const { ready, addon, runtimes, rendered } = await new Promise<{
      ready: boolean;
      rendered: unknown;
      addon: { path: string };
      runtimes: { folder?: string }[];
    }>((resolve, reject) => {
      const process_ = child(script);
      process_.once("message", (message) => resolve(message as never));
      process_.once("exit", (code) => reject(new Error(`ended with ${code}`)));
    });
    expect(ready).toBe(true);
    expect(rendered).not.toHaveProperty("reason");
    expect(addon.path.startsWith(unpacked)).toBe(true);
    expect(runtimes.at(-1)?.folder?.startsWith(unpacked)).toBe(true);
  });
});
