/** Only `starling-rm/server` loads fastify: everybody else would wait for it at each start. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { repository } from "../run-cli.ts";

const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const files = Object.entries(exports as Record<string, { default?: string }>)
  .filter(([, entry]) => entry.default !== undefined)
  .map(([name, entry]) => [name, join(repository, entry.default as string)] as const);

/** Which of them are loaded once `script` has run. */
function loaded(file: string): string[] {
  const script = `
    import { createRequire } from "node:module";
    await import(${JSON.stringify(pathToFileURL(file).href)});
    const paths = Object.keys(createRequire(import.meta.url).cache);
    const names = ["fastify", "prom-client"].filter((name) => paths.some((path) => path.includes("node_modules/" + name + "/")));
    console.log(names.join(" "));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  return output.split(/\s+/).filter((name) => name !== "");
}

it.each(files)("%s", (name, file) => {
  expect(loaded(file.replaceAll("\\", "/"))).toEqual(name === "./server" ? ["fastify", "prom-client"] : []);
});

it("the command line loads it for serve only", () => {
  const bundle = (name: string) => readFileSync(join(repository, "dist", "cli", name), "utf8");
  for (const name of ["main.js", "common.js", "serve.js"]) expect(bundle(name), name).not.toMatch(/from ?"fastify"/);
  expect(bundle("server.js")).toMatch(/from ?"fastify"/);
});
