/**
 * A hub on this machine: the API as @huggingface/hub uses it, files at /resolve/, large ones on a second server (the
 * "CDN") to which it redirects, and every way of failing that a test asks for.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What goes wrong with one answer; undefined: nothing. */
export type Fault =
  /** The connection is cut after so many bytes of the body. */
  | { readonly cutAfter: number }
  /** Nothing more comes after so many bytes. */
  | { readonly stallAfter: number }
  /** Some bytes are other ones. */
  | { readonly damage: true }
  | { readonly status: number; readonly headers?: Record<string, string> }
  /** The whole file comes whatever range was asked for. */
  | { readonly ignoreRange: true }
  /** The ETag of another file. */
  | { readonly etag: string }
  /** A range other than the one asked for. */
  | { readonly shiftRange: number }
  /** A page of a proxy in place of the file. */
  | { readonly page: string };

export interface Seen {
  readonly server: "hub" | "cdn";
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface HubFileContent {
  readonly bytes: Buffer;
  readonly lfs: boolean;
}

export class FakeHub {
  readonly repository = "someone/tiny-reward";
  /** What it is a repository of; asked for as anything else it does not exist. */
  kind: "model" | "dataset" = "model";
  readonly files = new Map<string, HubFileContent>();
  /** Everything that was asked, in order. */
  readonly seen: Seen[] = [];
  /** Faults of the next answers with a file's bytes, one an answer, by path. */
  readonly faults = new Map<string, Fault[]>();
  /** Faults of the next answers of the API. */
  readonly apiFaults: Fault[] = [];
  /** Answers 401 with this X-Error-Code to whoever has no right token. */
  gate: { readonly token: string; readonly code: string } | undefined;
  /** Bytes a second of each body; undefined: as fast as it goes. */
  bytesPerSecond: number | undefined;
  /** A cut waits for it: what a client has not taken yet is lost to it with the connection. */
  mayCut: () => boolean = () => true;
  /** Bytes of bodies that were written to connections. */
  bytesSent = 0;
  /** Entries of a page of the list. */
  pageSize = 1000;
  /** Changes the address of the next page, which a list may name for ever. */
  editNext: (next: URL, isLast: boolean) => URL | undefined = (next, isLast) => (isLast ? undefined : next);
  /** Changes the list that is sent. */
  editList: (entries: Record<string, unknown>[]) => unknown = (entries) => entries;
  /** The CDN sends nothing until it was asked for so many bodies at once. */
  together = 1;
  /** Bodies that are being sent right now, and the most there were at once. */
  bodies = { now: 0, most: 0 };
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer(request, response, "hub"));
    this.#cdn = createServer((request, response) => this.#answer(request, response, "cdn"));
  }

  static async start(files: Readonly<Record<string, Buffer | string>> = {}): Promise<FakeHub> {
    const hub = new FakeHub();
    for (const [path, content] of Object.entries(files)) hub.put(path, content);
    await Promise.all(
      [hub.#hub, hub.#cdn].map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    );
    return hub;
  }

  /** Weights and tokenizer.model are LFS files, as on the real hub. */
  put(path: string, content: Buffer | string, lfs = /\.(?:safetensors|bin|pt|model|gguf|parquet)$/.test(path)): void {
    this.files.set(path, { bytes: Buffer.from(content), lfs });
  }

  bytesOf(path: string): Buffer {
    return (this.files.get(path) as HubFileContent).bytes;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get cdn(): string {
    return `http://127.0.0.1:${(this.#cdn.address() as AddressInfo).port}`;
  }

  /** Requests for a file's bytes. */
  requestsFor(path: string): Seen[] {
    const { lfs } = this.files.get(path) as HubFileContent;
    return this.seen.filter(
      ({ server, path: asked }) => asked.endsWith(`/${path}`) && server === (lfs ? "cdn" : "hub"),
    );
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse, server: "hub" | "cdn"): void {
    const url = new URL(request.url ?? "/", this.endpoint);
    const { range, authorization } = request.headers;
    const path = decodeURIComponent(url.pathname);
    this.seen.push({ server, path, range, authorization });
    // A connection that the client gave up is what many of these tests are about.
    response.on("error", () => {});
    if (server === "cdn") {
      const [, name = ""] = /^\/[^/]+\/(.*)$/.exec(path) ?? [];
      void this.#send(name, request, response);
    } else if (path.startsWith("/api/")) this.#answerApi(path, url, response);
    else void this.#resolve(path, request, response);
  }

  #answerApi(path: string, url: URL, response: ServerResponse): unknown {
    const fault = this.apiFaults.shift();
    if (fault !== undefined && "status" in fault) return plain(response, fault.status, fault.headers);
    const [, repository, rest] = /^\/api\/([a-z]+\/[^/]+\/[^/]+)\/(.*)$/.exec(path) ?? [];
    if (repository !== `${this.kind}s/${this.repository}`)
      // The hub does not tell strangers what is private.
      return plain(response, 401, { "x-error-code": "RepoNotFound" });
    const [kind, revision] = [rest?.split("/")[0], rest?.split("/").slice(1).join("/")];
    if (revision !== "main" && revision !== COMMIT) return plain(response, 404, { "x-error-code": "RevisionNotFound" });
    if (kind === "revision") return json(response, { _id: "1", id: this.repository, sha: COMMIT, private: false });
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const entries = [...this.files].map(([name, content]) => listEntry(name, content));
    const next = start + this.pageSize;
    url.searchParams.set("cursor", String(next));
    const following = this.editNext(url, next >= entries.length);
    const link = following === undefined ? {} : { link: `<${following.href}>; rel="next"` };
    return json(response, this.editList(entries.slice(start, next)), link);
  }

  #resolve(path: string, request: IncomingMessage, response: ServerResponse): unknown {
    const [, repository, revision, name = ""] =
      /^\/((?:datasets\/)?[^/]+\/[^/]+)\/resolve\/([^/]+)\/(.*)$/.exec(path) ?? [];
    if (this.gate !== undefined && request.headers.authorization !== `Bearer ${this.gate.token}`)
      return plain(response, request.headers.authorization ? 403 : 401, { "x-error-code": this.gate.code });
    const file = this.files.get(name);
    const page = this.kind === "dataset" ? `datasets/${this.repository}` : this.repository;
    if (repository !== page || revision !== COMMIT || file === undefined)
      return plain(response, 404, { "x-error-code": "EntryNotFound" });
    const commit = { "x-repo-commit": COMMIT };
    if (!file.lfs) return this.#send(name, request, response, { ...commit, etag: `"${gitHash(file.bytes)}"` });
    response.writeHead(302, {
      ...commit,
      "x-linked-etag": `"${sha256(file.bytes)}"`,
      "x-linked-size": file.bytes.length,
      location: `${this.cdn}/signed-${sha256(file.bytes).slice(0, 8)}/${name}?Signature=secret-of-the-cdn`,
    });
    return response.end();
  }

  async #send(
    name: string,
    { headers }: IncomingMessage,
    response: ServerResponse,
    more: Record<string, string> = {},
  ): Promise<unknown> {
    const file = this.files.get(name);
    const fault = this.faults.get(name)?.shift() ?? ({} as Fault);
    if (file === undefined) return plain(response, 404);
    if ("status" in fault) return plain(response, fault.status, fault.headers);
    if ("page" in fault) return response.writeHead(200, { "content-type": "text/html" }).end(fault.page);
    const { bytes } = file;
    const [, from, to] = "ignoreRange" in fault ? [] : (/^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? []);
    const start = Number(from ?? 0) + ("shiftRange" in fault ? fault.shiftRange : 0);
    const end = to ? Math.min(bytes.length, Number(to) + 1) : bytes.length;
    const body = Buffer.from(bytes.subarray(start, end));
    if ("damage" in fault) body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    response.writeHead(from === undefined ? 200 : 206, {
      etag: `"${sha256(bytes).slice(0, 32)}"`,
      "accept-ranges": "bytes",
      "content-length": body.length,
      ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
      ...more,
      ...("etag" in fault ? { etag: `"${fault.etag}"` } : {}),
    });
    this.bodies.now += 1;
    this.bodies.most = Math.max(this.bodies.most, this.bodies.now);
    while (file.lfs && this.bodies.most < this.together) await sleep(1);
    await this.#sendBody(body, fault, response);
    return this.bodies.now--;
  }

  async #sendBody(body: Buffer, fault: Fault, response: ServerResponse): Promise<unknown> {
    if ("cutAfter" in fault) {
      await new Promise((resolve) => response.write(body.subarray(0, fault.cutAfter), resolve));
      do await sleep(5);
      while (!this.mayCut() && !response.destroyed);
      return response.destroy();
    }
    if ("stallAfter" in fault) return response.write(body.subarray(0, fault.stallAfter));
    if (this.bytesPerSecond !== undefined) {
      const step = Math.ceil(this.bytesPerSecond / 100);
      let done = 0;
      for (; body.length - done > step && !response.destroyed; done += step) {
        response.write(body.subarray(done, done + step));
        this.bytesSent += step;
        await sleep(10);
      }
      return response.end(body.subarray(done));
    }
    this.bytesSent += body.length;
    return response.end(body);
  }
}

function listEntry(path: string, { bytes, lfs }: HubFileContent): Record<string, unknown> {
  const common = { type: "file", path, size: bytes.length };
  return lfs
    ? {
        ...common,
        oid: gitHash(Buffer.from("pointer")),
        lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 },
      }
    : { ...common, oid: gitHash(bytes) };
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): unknown {
  return response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

function plain(response: ServerResponse, status: number, headers: Record<string, string> = {}): unknown {
  return response.writeHead(status, { "content-type": "text/plain", ...headers }).end(`status ${status}`);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
