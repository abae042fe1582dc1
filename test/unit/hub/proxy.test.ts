/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, against a proxy and a hub on this machine. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { HubClient } from "../../../src/hub/client.ts";
import { proxyFor } from "../../../src/hub/proxy.ts";
import { emptyFolder, failureOf, IMPATIENT, pullFrom, QUICK, shardedFiles, startHub } from "./support.ts";

const NAMES = ["http_proxy", "https_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]);
const setProxy = (variables: Record<string, string>) => {
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, variables);
};
const before = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
beforeEach(() => setProxy({}));
afterAll(() =>
  setProxy(Object.fromEntries(Object.entries(before).filter(([, value]) => value !== undefined)) as never),
);

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly proxyAuthorization: string | undefined;
}

/** In place of a status: no answer. */
const SILENT = 0;

/** Forwards what it is asked, unless it answers with a status. */
class LocalProxy {
  readonly seen: Seen[] = [];
  status: number | undefined;
  /** Asked of each request. */
  credentials: string | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((incoming, answer) => {
      const status = this.#note(incoming);
      if (status !== undefined) return void answer.writeHead(status).end();
      const { "proxy-authorization": _own, "proxy-connection": _connection, ...headers } = incoming.headers;
      const outgoing = request(incoming.url as string, { method: incoming.method as string, headers }, (response) => {
        answer.writeHead(response.statusCode as number, response.rawHeaders);
        response.pipe(answer);
      });
      outgoing.on("error", () => answer.destroy());
      answer.on("close", () => outgoing.destroy());
      outgoing.end();
    });
    this.#server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
      const status = this.#note(incoming);
      if (status === SILENT) return;
      if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      const { port } = new URL(`http://${incoming.url}`);
      const target = connect(Number(port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      for (const end of [target, socket]) end.on("error", () => [target, socket].map((one) => one.destroy()));
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  #note({ method = "", url = "", headers }: IncomingMessage): number | undefined {
    const proxyAuthorization = headers["proxy-authorization"];
    this.seen.push({ method, target: url, proxyAuthorization });
    const wanted = this.credentials && `Basic ${Buffer.from(this.credentials).toString("base64")}`;
    return this.status ?? (wanted !== undefined && proxyAuthorization !== wanted ? 407 : undefined);
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<unknown> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

let proxy: LocalProxy;
let address: string;
beforeEach(async () => {
  proxy = new LocalProxy();
  address = await proxy.start();
});
afterEach(() => proxy.stop());

/** For what is not sent. */
const nowhere = new HubClient({ endpoint: "https://hub.example", retryPolicy: QUICK });
const ask = async (client: HubClient) => {
  const response = await client.fetchFor({ what: "a file" })(`${client.endpoint}/file`);
  return response.text();
};

describe("a hub behind a proxy", () => {
  it("is asked in absolute form over http, for lists and files", async () => {
    const hub = await startHub();
    setProxy({ HTTP_PROXY: `http://${address}` });
    const { folder } = await pullFrom(hub, emptyFolder());
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe(shardedFiles()["config.json"]);
    expect(proxy.seen.length).toBeGreaterThan(5);
    for (const { method, target } of proxy.seen)
      expect([method, target.slice(0, 17)]).toEqual(["GET", "http://127.0.0.1:"]);
    expect(proxy.seen.length).toBe(hub.seen.length);
  });

  it("is asked directly where NO_PROXY lists it", async () => {
    const hub = await startHub();
    setProxy({ HTTP_PROXY: `http://${address}`, NO_PROXY: "example.com, 127.0.0.0/8" });
    await pullFrom(hub, emptyFolder());
    expect(proxy.seen).toEqual([]);
  });

  it("is reached with a user name and a password, which stay with the proxy", async () => {
    const hub = await startHub();
    proxy.credentials = "ada:p@ss:word";
    setProxy({ http_proxy: `ada:p%40ss%3Aword@${address}` });
    await pullFrom(hub, emptyFolder());
    expect(proxy.seen.every(({ proxyAuthorization }) => proxyAuthorization?.startsWith("Basic "))).toBe(true);
    expect(hub.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("is tunnelled to over https", async () => {
    const folder = emptyFolder();
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    const { status } = spawnSync("openssl", [...args, "-keyout", key, "-out", cert], { stdio: "ignore" });
    if (status !== 0) return console.warn("Not tested over https: openssl makes no certificate here.");
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, answer) => {
      answer.end("the file");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = new HubClient({ endpoint: `https://localhost:${port}`, retryPolicy: QUICK, token: "hf_secret" });
    setProxy({ HTTPS_PROXY: `http://${address}` });
    try {
      // Nobody signed the certificate: the proxy is not to blame.
      expect((await failureOf(ask(client))).message).toMatch(/is not secure: its certificate was rejected/);
      process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
      expect(await ask(client)).toBe("the file");
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      server.closeAllConnections();
      server.close();
    }
    const tunnel = { method: "CONNECT", target: `localhost:${port}`, proxyAuthorization: undefined };
    expect(proxy.seen).toEqual([tunnel, tunnel]);
  });
});

describe("a proxy that does not let through is one sentence without the password", () => {
  it.each([
    [
      407,
      "https",
      /^The proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) does not accept the user name and password: set HTTPS_PROXY=http:\/\/USER:PASSWORD@127\.0\.0\.1:\d+\.$/,
    ],
    [407, "http", /^The proxy 127\.0\.0\.1:\d+ \(HTTP_PROXY\) does not accept the user name and password/],
    [
      403,
      "https",
      /^The proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) refuses the connection to hub\.example \(status 403\): .* list hub\.example in NO_PROXY\.$/,
    ],
    [502, "https", /refuses the connection to hub\.example \(status 502\)/],
  ])("status %i over %s", async (status, scheme, expected) => {
    proxy.status = status;
    setProxy({ [`${scheme.toUpperCase()}_PROXY`]: `http://ada:sesame@${address}` });
    const client = new HubClient({ endpoint: `${scheme}://hub.example`, retryPolicy: QUICK });
    const error = await failureOf(ask(client));
    expect(error.message).toMatch(expected);
    expect(error.code).toBe("ERR_HUB_UNREACHABLE");
    // Nor with its causes, as STARLING_RM_DEBUG prints it.
    expect(inspect(error, { depth: 10 })).not.toContain("sesame");
  });

  it("asks for a password where none was given", async () => {
    proxy.credentials = "ada:x";
    setProxy({ HTTPS_PROXY: `http://${address}` });
    expect((await failureOf(ask(nowhere))).message).toMatch(/asks for a user name and a password: set HTTPS_PROXY=/);
    expect(proxy.seen).toHaveLength(1);
  });

  it("cannot be reached", async () => {
    await proxy.stop();
    setProxy({ HTTPS_PROXY: `http://ada:sesame@${address}` });
    const { message } = await failureOf(ask(nowhere));
    expect(message).toMatch(
      /^The proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) cannot be reached \(ECONNREFUSED\): correct HTTPS_PROXY/,
    );
    expect(message).not.toContain("sesame");
  });

  it("is silent", async () => {
    proxy.status = SILENT;
    setProxy({ HTTPS_PROXY: `http://${address}` });
    const client = new HubClient({ endpoint: "https://hub.example", retryPolicy: { ...IMPATIENT, attempts: 2 } });
    expect((await failureOf(ask(client))).message).toMatch(
      /^hub\.example, or the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\), repeatedly sent nothing for 0\.3 s/,
    );
  });

  it.each(["socks5://ada:sesame@127.0.0.1:1", "http://", "http://ada:sesame@[x"])("is not one: %s", async (value) => {
    setProxy({ HTTPS_PROXY: value });
    const { message, code } = await failureOf(ask(nowhere));
    expect([code, message]).toEqual([
      "ERR_INVALID_ARGUMENT",
      expect.stringMatching(
        /^Expected the address of an HTTP proxy, such as http:\/\/proxy\.example:3128, for HTTPS_PROXY/,
      ),
    ]);
    expect(message).not.toContain("sesame");
  });
});

describe("which proxy", () => {
  const chosen = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.name;
  const both = { HTTP_PROXY: "http://a:1", HTTPS_PROXY: "http://b:2" };

  it("is of the scheme, in small letters first; https falls back to http's; an empty one is none", () => {
    expect(chosen("http://x/", both)).toBe("a:1 (HTTP_PROXY)");
    expect(chosen("https://x/", both)).toBe("b:2 (HTTPS_PROXY)");
    expect(chosen("https://x/", { ...both, https_proxy: "c" })).toBe("c:80 (https_proxy)");
    expect(chosen("https://x/", { HTTP_PROXY: "https://a" })).toBe("a:443 (HTTP_PROXY)");
    expect(chosen("https://x/", { ...both, https_proxy: "" })).toBeUndefined();
    expect(chosen("https://x/", {})).toBeUndefined();
  });

  it.each([
    ["https://huggingface.co/", "huggingface.co", true],
    ["https://cdn.huggingface.co/", "huggingface.co", true],
    ["https://cdn.huggingface.co/", ".huggingface.co", true],
    ["https://huggingface.co/", "*.huggingface.co", true],
    ["https://nothuggingface.co/", "huggingface.co", false],
    ["https://huggingface.co/", "HUGGINGFACE.CO:443", true],
    ["https://huggingface.co/", "huggingface.co:8443", false],
    ["https://huggingface.co:8443/", "a b,huggingface.co:8443", true],
    ["https://huggingface.co/", "*", true],
    ["https://huggingface.co/", "", false],
    ["https://huggingface.co/", ".", false],
    ["http://10.1.2.3/", "10.0.0.0/8", true],
    ["http://11.1.2.3/", "10.0.0.0/8", false],
    ["http://10.1.2.3/", "10.0.0.0/99", false],
    ["http://[::1]:80/", "::1", true],
    ["http://[::1]:81/", "[::1]:80", false],
    ["http://[fe80::1]/", "fe80::/10", true],
  ])("is passed by for %s with NO_PROXY=%s: %s", (url, list, direct) => {
    expect(chosen(url, { ...both, NO_PROXY: list }) === undefined).toBe(direct);
    expect(chosen(url, { ...both, no_proxy: list }) === undefined).toBe(direct);
  });
});
