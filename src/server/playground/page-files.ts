/** The page's files, as `npm run build:ts` bundled them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../errors.ts";
import { packageRoot } from "../../package-info.ts";

export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

export interface PageFiles {
  readonly html: Buffer;
  /** By name, with a hash of the content in it. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** Written by scripts/bundle-playground.mjs. */
const FOLDER = join("dist", "src", "server", "playground", "page");
const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  txt: "text/plain; charset=utf-8",
};

/** @throws FileError where the page was not built */
export async function readPageFiles(folder = join(packageRoot(), FOLDER)): Promise<PageFiles> {
  try {
    const html = await readFile(join(folder, "index.html"));
    const names: readonly string[] = JSON.parse(await readFile(join(folder, "assets.json"), "utf8"));
    const files = names.map(async (name) => {
      const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
      return [name, { type, content: await readFile(join(folder, name)) }] as const;
    });
    return { html, assets: new Map(await Promise.all(files)) };
  } catch (cause) {
    const message = `The server's page was not built: ${folder} is not complete. Run npm run build:ts.`;
    throw new FileError("ERR_FILE_NOT_READABLE", message, { file: folder, cause });
  }
}
