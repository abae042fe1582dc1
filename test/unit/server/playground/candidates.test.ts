/** Candidates from an OpenAI-compatible endpoint: what is sent, what is read, and what is said when it fails. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  aCandidateSource,
  complete,
  completionsUrl,
  EndpointError,
} from "../../../../src/server/playground/completions.ts";
import { type DrawnLine, drawCandidates } from "../../../../src/server/playground/draw.ts";

type Answer = (response: ServerResponse, request: IncomingMessage, body: Record<string, unknown>) => void;

let server: Server;
let host: string;
let answer: Answer;
const never = new AbortController().signal;
const messages = [{ role: "user" as const, content: "Hi" }];

beforeEach(async () => {
  server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => answer(response, request, JSON.parse(text)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const delta = (content: string) => event({ choices: [{ delta: { content } }] });
const stream = (response: ServerResponse, ...parts: string[]) => {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  for (const part of parts) response.write(part);
};
const once = (options: object = {}) => complete({ url: `http://${host}/v1`, ...options }, messages, {}, never);

describe("one completion", () => {
  it("asks as OpenAI's clients do, and joins what streams in, however it is cut", async () => {
    let seen: unknown;
    answer = (response, { headers, url, method }, body) => {
      seen = { method, url, authorization: headers.authorization, body };
      const accent = Buffer.from(delta("é"));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: a comment\r\n\r\n${delta("Caf")}`);
      const cut = accent.indexOf(0xc3) + 1;
      response.write(accent.subarray(0, cut));
      setTimeout(() => {
        response.write(accent.subarray(cut));
        response.end(
          `${event({ choices: [{ delta: {}, finish_reason: "stop" }] })}${event({ choices: [], usage: {} })}data: [DONE]\n\n`,
        );
      }, 20);
    };
    const source = { url: `http://${host}/v1/`, key: "sk-1", model: "m" };
    const completion = await complete(source, messages, { temperature: 0.5, maxTokens: 9 }, never);
    expect(completion).toEqual({ text: "Café", finishReason: "stop" });
    expect(seen).toEqual({
      method: "POST",
      url: "/v1/chat/completions",
      authorization: "Bearer sk-1",
      body: { model: "m", messages, stream: true, temperature: 0.5, max_tokens: 9 },
    });
  });

  it("takes an answer that does not stream, and a URL that is complete", async () => {
    answer = (response, { url }, body) => {
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ choices: [{ message: { content: `${url} ${Object.keys(body)}` }, finish_reason: "length" }] }),
      );
    };
    expect(completionsUrl("https://a.example/openai/chat/completions?v=1").href).toBe(
      "https://a.example/openai/chat/completions?v=1",
    );
    expect(await once()).toEqual({ text: "/v1/chat/completions messages,stream", finishReason: "length" });
  });

  const json =
    (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
    (response) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
  const failures: [string, Answer, RegExp, object?][] = [
    [
      "no key",
      json(401, { error: { message: "No key." } }),
      /asks for a key \(401\): No key\. Whoever runs this server/,
    ],
    ["a wrong key", json(401, {}), /does not accept this server's key \(401\)\.$/, { key: "k" }],
    [
      "an unknown model",
      json(404, { error: "model x not found" }),
      /no such address or model \(404\): model x not found\.$/,
      { model: "x" },
    ],
    ["too many requests", json(429, { detail: "slow down" }), /is busy \(429\): slow down\. Try fewer/],
    ["its own failure", json(500, "<html>oops</html>"), /answered with status 500\.$/],
    [
      "a redirect",
      json(307, "", { location: "https://other.example/v1" }),
      /redirects \(307\) to https:\/\/other\.example\/v1: use that/,
    ],
    ["a page", json(200, "<!doctype html>"), /sent something that is not JSON: is its address right\?$/],
    ["another JSON", json(200, { object: "list" }), /answered without a completion\.$/],
    [
      "an error in the stream",
      (r) => {
        stream(r, delta("a"), event({ error: { message: "out of memory" } }));
        r.end();
      },
      /failed: out of memory\.$/,
    ],
    [
      "a stream that is no JSON",
      (r) => {
        stream(r, "data: hello\n\n");
        r.end();
      },
      /not JSON/,
    ],
    [
      "a stream that ends too early",
      (r) => {
        stream(r, delta("a"));
        r.end();
      },
      /broke off in the middle of a candidate\.$/,
    ],
    [
      "a connection that breaks",
      (r) => {
        stream(r, delta("a"));
        setTimeout(() => r.destroy(), 20);
      },
      /cannot be reached|broke off/,
    ],
    ["silence", (r) => stream(r, delta("a")), /sent nothing for 0\.15 s\.$/, { silence: 150 }],
  ];
  it.each(failures)("says in a sentence what went wrong: %s", async (_, how, expected, options = {}) => {
    answer = how;
    const error = await once(options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EndpointError);
    expect((error as Error).message).toMatch(expected);
    expect((error as Error).message).toContain(`The endpoint ${host} `);
  });

  it("says that nobody listens", async () => {
    await new Promise((resolve) => server.close(resolve));
    await expect(once()).rejects.toThrow(new RegExp(`^The endpoint ${host} cannot be reached: .*ECONNREFUSED`));
  });

  it("refuses what is no address before anything is asked", () => {
    expect(() => completionsUrl("localhost:8000")).toThrow(/Expected an address such as http/);
    expect(aCandidateSource({ url: "ftp://a" })).toMatch(/a url such as/);
    expect(aCandidateSource({ url: "http://a", key: "ä" })).toMatch(/a key/);
    expect(aCandidateSource({ url: "http://a", keys: "a" })).toMatch(/not "keys"/);
    expect(aCandidateSource({ url: "http://a", key: "k", model: "m", silence: 1 })).toBeUndefined();
  });
});

describe("several", () => {
  const source = () => ({ url: `http://${host}/v1` });

  it("come in the order in which they finish, failures among them", async () => {
    let asked = 0;
    answer = (response) => {
      const i = asked++;
      setTimeout(
        () => {
          if (i === 1) {
            response.writeHead(500);
            response.end();
          } else {
            stream(response, delta(`text ${i}`), "data: [DONE]\n\n");
            response.end();
          }
        },
        150 - 50 * i,
      );
    };
    const lines: DrawnLine[] = [];
    for await (const line of drawCandidates(source(), messages, 3, {}, never)) lines.push(line);
    expect(lines.map((line) => ("error" in line ? line.error.code : line.response))).toEqual([
      "text 2",
      "ERR_CANDIDATES",
      "text 0",
    ]);
    expect(lines.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
  });

  it("are at most eight at a time", async () => {
    let [open, most] = [0, 0];
    answer = (response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        stream(response, delta("a"), "data: [DONE]\n\n");
        response.end();
      }, 10);
    };
    const lines: DrawnLine[] = [];
    for await (const line of drawCandidates(source(), messages, 20, {}, never)) lines.push(line);
    expect(lines.length).toBe(20);
    expect(most).toBeLessThanOrEqual(8);
  });

  it.each(["aborted", "left"])("are cancelled at the endpoint when the reader has %s", async (how) => {
    let closed = 0;
    answer = (response, _, body) => {
      response.on("close", () => {
        if (!response.writableFinished) closed += 1;
      });
      stream(response, delta(JSON.stringify(body["messages"])));
      if (closed === 0 && !first) {
        first = true;
        response.end("data: [DONE]\n\n");
      }
    };
    let first = false;
    const controller = new AbortController();
    const lines = drawCandidates(source(), messages, 4, {}, controller.signal);
    await lines.next();
    if (how === "aborted") {
      controller.abort(new Error("gone"));
      await expect(lines.next()).rejects.toThrow("gone");
    } else await lines.return(undefined);
    await expect.poll(() => closed).toBe(3);
  });
});
