import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { installPackage, packageManager, reinstallPackage } from "../../../src/native/install-command.ts";

const NAME = "@node-llama-cpp/linux-x64@1.2.3";
let project: string;
let root: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "starling-rm-client-"));
  root = join(project, "node_modules", "starling-rm");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(project, "package.json"), "{}");
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const lock = (name: string, folder = project) => writeFileSync(join(folder, name), "");

describe("packageManager", () => {
  it.each([
    ["package-lock.json", "npm"],
    ["pnpm-lock.yaml", "pnpm"],
    ["yarn.lock", "yarn"],
    ["bun.lock", "bun"],
    ["bun.lockb", "bun"],
    ["deno.lock", "deno"],
  ])("knows it by %s", (file, manager) => {
    lock(file);
    expect(packageManager(root, {})).toBe(manager);
  });

  it("takes the nearest lock file: a workspace has one, perhaps above", () => {
    lock("yarn.lock");
    const member = join(project, "packages", "member");
    const nested = join(member, "node_modules", "starling-rm");
    mkdirSync(nested, { recursive: true });
    expect(packageManager(nested, {})).toBe("yarn");
    lock("pnpm-lock.yaml", member);
    expect(packageManager(nested, {})).toBe("pnpm");
  });

  it("goes by the runtime without one, and by Plug'n'Play in any case", () => {
    expect(packageManager(root, { bun: "1.0.0" })).toBe("bun");
    expect(packageManager(root, { deno: "2.0.0" })).toBe("deno");
    expect(packageManager(root, {})).toBe("npm");
    expect(packageManager(root, { pnp: "3" })).toBe("yarn");
  });
});

describe("installPackage", () => {
  it.each([
    ["npm", `npm install ${NAME}`],
    ["pnpm", `pnpm add ${NAME}`],
    ["yarn", `yarn add ${NAME}`],
    ["bun", `bun add ${NAME}`],
    ["deno", `deno add npm:${NAME}`],
  ] as const)("speaks %s", (manager, command) => {
    expect(installPackage(NAME, root, manager)).toBe(command);
  });

  it("installs globally beside a global package, and into a checkout that another project links", () => {
    rmSync(join(project, "package.json"));
    expect(installPackage(NAME, root, "npm")).toBe(`npm install --global ${NAME}`);
    const checkout = join(project, "checkout");
    expect(installPackage(NAME, checkout, "npm")).toBe(
      `npm install --include=optional --prefix ${JSON.stringify(checkout)}`,
    );
  });
});

describe("reinstallPackage", () => {
  it("says what makes each package manager replace a damaged file", () => {
    expect(reinstallPackage(root, "npm")).toBe(
      `Install it again: delete ${root} and run \`npm install\` in ${project}.`,
    );
    expect(reinstallPackage(root, "pnpm")).toBe("Install it again: `pnpm install --force`.");
    expect(reinstallPackage(root, "bun")).toBe("Install it again: `bun pm cache rm && bun install --force`.");
    expect(reinstallPackage(root, "deno")).toBe("Install it again: `deno install --reload`.");
    expect(reinstallPackage(root, "yarn")).toBe(
      "Install it again: delete the project's node_modules and run `yarn install`.",
    );
  });

  it("does not name a command that it cannot know: of a global package, and of an application's", () => {
    rmSync(join(project, "package.json"));
    expect(reinstallPackage(join(root, "node_modules", "x"), "npm")).toBe(
      "Install starling-rm again as you did before, with npm install --global.",
    );
    for (const archive of ["app.asar", "app.asar.unpacked"])
      expect(reinstallPackage(join(project, archive, "node_modules", "starling-rm"), "npm")).toMatch(
        /^Package the application again, /,
      );
  });
});
