/** /openapi.json: every route, with the bodies of all wire formats. */
import type { TSchema } from "typebox";
import { packageVersion } from "../../package-info.ts";
import type { Dialect } from "../contract.ts";
import { dialectsByPath } from "../dialects/index.ts";
import { ownSchemas } from "../own/schemas.ts";
import type { ServerContext } from "../server-context.ts";
import { sendJson } from "./answers.ts";

/** What routes without a wire format are for. */
const SUMMARIES: Readonly<Record<string, string>> = {
  "/": "A page that scores as you type",
  "/livez": "Whether the process lives: always 200, without a key",
  "/readyz": "Whether the model is loaded: 200, or 503 with the reason",
  "/metrics": "Metrics in Prometheus' format",
  "/v1/models": "The model that is served",
  "/v1/score": "Scores of prompts with responses, conversations and texts",
  "/v1/rank": "Responses to one prompt, best first",
  "/openapi.json": "This description",
};

/** @param methods of each path, known when all routes are registered */
export function registerOpenApi(
  { app, access }: ServerContext,
  dialects: readonly Dialect[],
  methods: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  let text: string | undefined;
  app.get("/openapi.json", async (_request, reply) => {
    text ??= JSON.stringify(openApi(dialects, methods, access.needsKey));
    return sendJson(reply, text);
  });
}

function openApi(
  dialects: readonly Dialect[],
  methods: ReadonlyMap<string, ReadonlySet<string>>,
  needsKey: boolean,
): object {
  const atPath = dialectsByPath(dialects);
  const paths = [...methods].map(([path, names]) => {
    const operations = [...names]
      .filter((name) => name !== "HEAD")
      .map((name) => [name.toLowerCase(), operation(path, name, atPath.get(path) ?? [])]);
    return [path.replaceAll(/:(\w+)/g, "{$1}"), Object.fromEntries(operations)];
  });
  return {
    openapi: "3.1.0",
    info: {
      title: "starling-rm",
      version: packageVersion(),
      description:
        "Scores of a reward model: raw rewards, higher is better, comparable between responses to one prompt.",
    },
    ...(needsKey ? { security: [{ bearer: [] }, { basic: [] }, { key: [] }] } : {}),
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        basic: { type: "http", scheme: "basic" },
        key: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
    paths: Object.fromEntries(paths),
  };
}

function operation(path: string, method: string, dialects: readonly Dialect[]): object {
  const own = ownSchemas[path];
  const bodies: TSchema[] = [...(own === undefined ? [] : [own.body]), ...dialects.map(({ body }) => body)];
  const formats = dialects.map(({ name }) => name).join(", ");
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    ...{ name, in: "path", required: true, schema: { type: "string" } },
  }));
  const summary = SUMMARIES[path] ?? (formats === "" ? undefined : `As its clients send it: ${formats}`);
  const schema = bodies.length === 1 ? bodies[0] : { anyOf: bodies };
  return {
    ...(summary === undefined ? {} : { summary }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(path === "/livez" ? { security: [] } : {}),
    ...(method === "POST" && bodies.length > 0
      ? { requestBody: { required: true, content: { "application/json": { schema } } } }
      : {}),
    responses: {
      200: {
        description: "The answer",
        ...(own === undefined ? {} : { content: { "application/json": { schema: own.answer } } }),
      },
      ...(method === "POST" ? { default: { description: "What was wrong, in the shape that the clients read" } } : {}),
    },
  };
}
