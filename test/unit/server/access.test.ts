/** Who may use the server: keys, Host and Origin. */
import { request as httpRequest } from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { AccessControl, type AccessOptions } from "../../../src/server/access/access.ts";
import { isLoopback, isTrustedHost, isTrustedOrigin } from "../../../src/server/access/hosts.ts";
import { keysOfFile } from "../../../src/server/access/keys.ts";
import { clientOf } from "../../../src/server/http/client.ts";

const KEY = "wJ6Qm2v9-Z";
/** Scoring routes of several dialects, and what else answers. */
const ROUTES = ["/v1/score", "/get_reward", "/classify", "/v2/rerank", "/metrics", "/", "/readyz", "/not/there"];

let app: FastifyInstance | undefined;

afterEach(async () => {
  await app?.close();
  app = undefined;
});

/** A server of routes that answer "reached", and how to ask it with headers that fetch() would not send. */
async function serverWith(options: AccessOptions, host: string | undefined = "127.0.0.1") {
  const access = new AccessControl(options);
  access.checkListening(host);
  app = fastify();
  app.addContentTypeParser("*", { parseAs: "string" }, async (_: unknown, body: string | Buffer) => body);
  access.guard(app, (reply, { status, ...problem }) => reply.code(status).send({ error: problem }));
  for (const url of ["/livez", ...ROUTES.slice(0, -1)])
    app.route({ method: ["GET", "POST"], url, handler: async () => "reached" });
  const address = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  return (path: string, headers: Record<string, string> = {}, method = "POST") =>
    new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const asked = httpRequest(
        { host: "127.0.0.1", port: address.port, path, method, headers, agent: false },
        async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk);
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            headers: response.headers,
          });
        },
      );
      asked.on("error", reject);
      asked.end(method === "POST" ? "{}" : undefined);
    });
}

describe("keys", () => {
  it.each(ROUTES)("are needed at %s, in any of three forms", async (path) => {
    const ask = await serverWith({ apiKeys: ["other", KEY] });
    const found = path === "/not/there" ? 404 : 200;
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
    const right: Record<string, string>[] = [
      { authorization: `Bearer ${KEY}` },
      { authorization: `bearer ${KEY}` },
      { "x-api-key": KEY },
      basic(`key:${KEY}`),
      basic(`${KEY}:`),
    ];
    for (const headers of right) expect((await ask(path, headers)).status, JSON.stringify(headers)).toBe(found);
    const wrong: Record<string, string>[] = [
      {},
      { authorization: KEY },
      { authorization: `Bearer ${KEY}x` },
      { authorization: `Bearer ${KEY.slice(0, -1)}` },
      { authorization: "Bearer" },
      { authorization: "Bearer undefined" },
      { "x-api-key": "" },
      { "x-api-key": KEY.toLowerCase() },
      basic(`${KEY}:${KEY}x`.slice(1)),
      basic(KEY),
      basic(":"),
      { cookie: `key=${KEY}` },
    ];
    for (const headers of wrong) {
      const answer = await ask(path, headers);
      expect(answer.status, JSON.stringify(headers)).toBe(401);
      expect(answer.body).not.toContain("reached");
      expect(answer.headers["www-authenticate"]).toMatch(/Bearer .*Basic /);
    }
  });

  it("are not needed to ask whether the process lives", async () => {
    const ask = await serverWith({ apiKeys: [KEY] });
    expect((await ask("/livez", {}, "GET")).body).toBe("reached");
    expect((await ask("/livez?x=1", {}, "GET")).body).toBe("reached");
    expect((await ask("/livez/../v1/score")).status).toBe(401);
    expect((await ask("/%6civez/../v1/score")).status).toBe(401);
  });

  it("tell clients apart, in whatever form they come, and whatever comes beside them", async () => {
    const access = new AccessControl({ apiKeys: ["other", KEY] });
    app = fastify();
    access.guard(app, (reply, { status }) => reply.code(status).send());
    app.get("/", async (request) => clientOf(request, access).client);
    const clientWith = async (headers: Record<string, string>) => (await app?.inject({ url: "/", headers }))?.body;
    const own = await clientWith({ "x-api-key": KEY });
    expect(await clientWith({ authorization: `Bearer ${KEY}` })).toBe(own);
    expect(await clientWith({ "x-api-key": KEY, authorization: "Bearer made-up" })).toBe(own);
    expect(await clientWith({ "x-api-key": "other" })).not.toBe(own);
  });

  it("are lines of a file", () => {
    expect(keysOfFile("# of the trainer\r\nabc\r\n\n  def \n", "keys")).toEqual(["abc", "def"]);
    expect(() => keysOfFile("\n# none\n", "keys.txt")).toThrow(/keys\.txt has no key/);
  });

  it.each([
    ["", "it is empty"],
    ["schlüssel", "visible ASCII"],
    ["two words", "visible ASCII"],
  ])("cannot be %j", (key, reason) => {
    expect(() => new AccessControl({ apiKeys: ["fine", key] })).toThrow(new RegExp(`Key 2 of apiKeys.*${reason}`));
  });
});

describe("listening", () => {
  it.each(["0.0.0.0", "::", "192.168.1.7", "gpu.example", "[::]", "localhost.example"])("at %s needs a key", (host) => {
    const open = (options: AccessOptions) => () => new AccessControl(options).checkListening(host);
    expect(open({})).toThrow(/--api-key-file FILE, or STARLING_RM_API_KEY.*--insecure-no-auth/);
    expect(open({ apiKeys: [KEY] })).not.toThrow();
    expect(open({ insecureNoAuth: true })).not.toThrow();
  });

  it.each(["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "::ffff:127.0.0.1", undefined])(
    "at %s needs none",
    (host) => {
      expect(() => new AccessControl({}).checkListening(host)).not.toThrow();
    },
  );

  it("knows loopback addresses", () => {
    for (const host of ["0.0.0.0", "128.0.0.1", "127.0.0.1.example", "::ffff:10.0.0.1", "", "local"])
      expect(isLoopback(host)).toBe(false);
  });
});

describe("Host", () => {
  it.each(ROUTES)("of a rebound name is refused at %s", async (path) => {
    for (const options of [{}, { apiKeys: [KEY] }]) {
      const ask = await serverWith(options);
      const headers = { host: "rebound.example:8080", authorization: `Bearer ${KEY}` };
      const answer = await ask(path, headers);
      expect(answer.status).toBe(403);
      expect(answer.body).toMatch(/ERR_FORBIDDEN_HOST.*--allow-host NAME/);
      await app?.close();
    }
  });

  it.each([
    "localhost:8080",
    "LOCALHOST",
    "127.0.0.1:1",
    "[::1]:8080",
    "app.localhost",
    "10.0.0.3",
    "rm.example",
    "RM.example.:443",
  ])("%s is trusted", async (host) => {
    const ask = await serverWith({ allowedHosts: ["rm.example"] });
    expect((await ask("/v1/score", { host })).body).toBe("reached");
  });

  it.each([
    "localhost.evil.example",
    "evil.example",
    "127.0.0.1.evil.example",
    "rm.example.evil",
    "evil@127.0.0.1",
    "2130706433",
    "",
    "localhost:x",
  ])("%j is not trusted", (host) => expect(isTrustedHost(host, ["rm.example"])).toBe(false));

  it("is not looked at where a key guards an address beyond loopback, nor at a socket file", async () => {
    const guarded = await serverWith({ apiKeys: [KEY] }, "0.0.0.0");
    expect((await guarded("/v1/score", { host: "rm.example", "x-api-key": KEY })).body).toBe("reached");
    await app?.close();
    const insisted = await serverWith({ insecureNoAuth: true }, "0.0.0.0");
    expect((await insisted("/v1/score", { host: "rebound.example" })).status).toBe(403);
    const access = new AccessControl({});
    access.checkListening(undefined);
  });
});

describe("Origin", () => {
  it.each(ROUTES)("of another page is refused at %s", async (path) => {
    const ask = await serverWith({});
    for (const origin of [
      "https://evil.example",
      "http://localhost:1",
      "null",
      "http://127.0.0.1.evil.example",
      "file://",
    ]) {
      const answer = await ask(path, { host: "127.0.0.1:8080", origin });
      expect(answer.status, origin).toBe(403);
      expect(answer.body).toMatch(/ERR_FORBIDDEN_ORIGIN/);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
    expect(
      (await ask(path, { host: "127.0.0.1:8080", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, "GET"))
        .status,
    ).toBe(403);
  });

  it("of the server's own page is trusted, behind TLS too", async () => {
    const ask = await serverWith({ allowedHosts: ["rm.example"] });
    for (const [host, origin] of [
      ["127.0.0.1:8080", "http://127.0.0.1:8080"],
      ["localhost:8080", "http://localhost:8080"],
      ["[::1]:8080", "http://[::1]:8080"],
      ["rm.example", "https://rm.example"],
      ["rm.example:443", "https://rm.example"],
    ] as const)
      expect((await ask("/v1/score", { host, origin })).body, origin).toBe("reached");
    expect(
      (await ask("/", { host: "localhost:8080", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "GET"))
        .status,
    ).toBe(200);
    expect(isTrustedOrigin("http://127.0.0.1:8081", "127.0.0.1:8080", [])).toBe(false);
  });

  it("is answered as CORS wants where the owner allows it, with the key where one is needed", async () => {
    const ask = await serverWith({ corsOrigins: ["https://app.example"], apiKeys: [KEY] });
    const origin = "https://app.example";
    const preflight = await ask(
      "/v1/score",
      { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
      "OPTIONS",
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "authorization",
    });
    expect((await ask("/v1/score", { origin })).status).toBe(401);
    const answer = await ask("/v1/score", { origin, authorization: `Bearer ${KEY}` });
    expect(answer.body).toBe("reached");
    expect(answer.headers).toMatchObject({ "access-control-allow-origin": origin, vary: "Origin" });
    expect((await ask("/v1/score", { origin: "https://other.example" })).status).toBe(403);
    const other = await ask(
      "/v1/score",
      { origin: "https://other.example", "access-control-request-method": "POST" },
      "OPTIONS",
    );
    expect(other.status).toBe(403);
  });

  it.each([
    [["*"], /needs an API key/],
    [["app.example"], /Expected an origin such as/],
    [["https://app.example/page"], /Expected an origin such as/],
  ])("%j cannot be allowed", (corsOrigins, message) =>
    expect(() => new AccessControl({ corsOrigins })).toThrow(message),
  );
});
