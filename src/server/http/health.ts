/** /livez, /readyz, /metrics and /v1/models. */
import type { RewardModelInfo } from "../../scoring/model-info.ts";
import type { BackendState } from "../contract.ts";
import { ENDING, notReady } from "../request-error.ts";
import type { ServerContext } from "../server-context.ts";
import { sendJson } from "./answers.ts";

export interface Readiness {
  readonly ready: boolean;
  readonly state: BackendState["status"] | "draining";
  /** One sentence, where it is not ready. */
  readonly reason?: string;
  /** Of the model, from 0 to 1. */
  readonly fraction?: number;
}

export function registerHealth(context: ServerContext): void {
  const { app, backend } = context;
  app.get("/livez", async (_request, reply) => sendJson(reply, { alive: true }));
  app.get("/readyz", async (_request, reply) => {
    const readiness = readinessOf(backend.state, context.isDraining());
    return sendJson(reply, readiness, readiness.ready ? 200 : 503);
  });
  app.get("/v1/models", async (_request, reply) => {
    const { model } = backend;
    if (model === undefined) {
      const { reason = "The model is not loaded." } = readinessOf(backend.state, context.isDraining());
      throw notReady(reason);
    }
    const { name, info, heads } = model;
    const created = Math.floor(context.started / 1000);
    const entry = { id: name, object: "model", created, owned_by: "starling-rm", heads, info: publicInfo(info) };
    return sendJson(reply, { object: "list", data: [entry] });
  });
}

export function registerMetrics({ app, metrics }: ServerContext): void {
  app.get("/metrics", async (_request, reply) =>
    reply.header("content-type", metrics.contentType).send(await metrics.text()),
  );
}

/** Without the server's own files and why it did not choose another backend. */
function publicInfo(info: RewardModelInfo): object {
  const { path: _path, cpuLibrary: _library, backendReasons: _reasons, head, ...rest } = info;
  return { ...rest, ...(head === undefined ? {} : { head: { name: head.name } }) };
}

function readinessOf(state: BackendState, isDraining: boolean): Readiness {
  if (isDraining) return { ready: false, state: "draining", reason: ENDING };
  switch (state.status) {
    case "ready":
      return { ready: true, state: "ready" };
    case "loading":
      return {
        ready: false,
        state: "loading",
        reason: "The model is being loaded.",
        ...(state.fraction === undefined ? {} : { fraction: state.fraction }),
      };
    case "restarting":
      return { ready: false, state: "restarting", reason: state.reason };
    case "failed":
      return { ready: false, state: "failed", reason: state.error.message };
    case "closed":
      return { ready: false, state: "closed", reason: "The server is closed." };
  }
}
