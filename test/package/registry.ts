/** An npm registry on the loopback interface with a few packages: what is installed from it needs no network. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
}

export interface PublishedPackage {
  readonly manifest: Manifest;
  /** Without one the package can be looked up, but not downloaded: as if of a platform that is not tested here. */
  readonly tarball?: string;
}

export interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveRegistry(packages: readonly PublishedPackage[]): Promise<Registry> {
  const byName = new Map<string, PublishedPackage[]>();
  for (const one of packages) byName.set(one.manifest.name, [...(byName.get(one.manifest.name) ?? []), one]);
  const server = createServer((request, response) => {
    const [name = "", file] = decodeURIComponent((request.url ?? "").replace(/\?.*/, ""))
      .slice(1)
      .split("/-/");
    const found = byName.get(name);
    if (found === undefined) return answer(response, 404, "{}");
    if (file === undefined) return answer(response, 200, JSON.stringify(describe(url, found)));
    const tarball = found.find(({ manifest }) => `${manifest.version}.tgz` === file)?.tarball;
    return tarball === undefined ? answer(response, 404, "{}") : answer(response, 200, readFileSync(tarball));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, close };
}

function answer(response: ServerResponse, status: number, body: string | Buffer): void {
  const type = typeof body === "string" ? "application/json" : "application/octet-stream";
  response.writeHead(status, { "content-type": type }).end(body);
}

/** @param versions of one name; the first is the latest */
function describe(url: string, versions: readonly PublishedPackage[]): object {
  const [{ name, version: latest }] = versions.map(({ manifest }) => manifest) as [Manifest];
  const described = versions.map(({ manifest, tarball }) => {
    const bytes = tarball === undefined ? "" : readFileSync(tarball);
    const dist = {
      tarball: `${url}/${name}/-/${manifest.version}.tgz`,
      integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
    };
    return [manifest.version, { ...manifest, dist }] as const;
  });
  // Yarn refuses what was published yesterday.
  const time = Object.fromEntries(described.map(([version]) => [version, "2020-01-01T00:00:00.000Z"]));
  return { name, "dist-tags": { latest }, time, versions: Object.fromEntries(described) };
}
