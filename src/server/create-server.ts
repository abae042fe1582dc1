/** A loaded model over HTTP. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { InvalidInputError, invalidArgument, ModelClosedError, notConstructible } from "../errors.ts";
import { anInteger, aString, checkOptions, given } from "../options.ts";
import type { RewardModelInfo } from "../scoring/model-info.ts";
import type { RewardModel } from "../scoring/reward-model.ts";
import type { LoadRewardModelOptions } from "../scoring/types.ts";
import { AccessControl } from "./access/access.ts";
import type { ScoringBackend } from "./contract.ts";
import { dialects } from "./dialects/index.ts";
import { createApp, registerUnknownPaths } from "./http/app.ts";
import { registerDialects } from "./http/dialect-routes.ts";
import { registerHealth, registerMetrics } from "./http/health.ts";
import { Lifecycle } from "./http/lifecycle.ts";
import { registerOpenApi } from "./http/openapi.ts";
import { ServerMetrics } from "./metrics.ts";
import { type CheckedOptions, checkServerOptions, type ServerOptions } from "./options.ts";
import { registerOwnInterface } from "./own/routes.ts";
import { registerPlayground } from "./playground/routes.ts";
import { Work } from "./queue/work.ts";
import { startScoring } from "./scoring/start-scoring.ts";
import type { ServerContext } from "./server-context.ts";

/** Where a server listens: an address and port, or a Unix socket. */
export interface ListenOptions {
  /** Default: "127.0.0.1". */
  readonly host?: string;
  /** 0 to 65535; 0 is any free port. Default: 8080. */
  readonly port?: number;
  /** A Unix socket (on Windows a pipe) instead of an address and port. */
  readonly socket?: string;
}

const listenChecks = { host: aString, port: anInteger(0, 65_535), socket: aString };
const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 8080;

/**
 * Serves a reward model over HTTP.
 *
 * @param model a path or the options of loadRewardModel(): the model is loaded in a process of its own, which is started again
 *   when it dies; or a loaded model, which scores in this process and stays open when the server closes
 * @throws InvalidInputError ERR_INVALID_ARGUMENT, ModelClosedError for a loaded model that was closed
 */
export function createServer(
  model: string | LoadRewardModelOptions | RewardModel,
  options: ServerOptions = {},
): RewardServer {
  const checked = checkServerOptions(options);
  if (typeof model !== "string" && (typeof model !== "object" || model === null))
    throw invalidArgument("model", "a path, the options of loadRewardModel or a RewardModel", model);
  return new RewardServer(model, checked);
}

/** A server made by {@link createServer}. */
export class RewardServer implements AsyncDisposable {
  readonly #context: ServerContext;
  readonly #lifecycle: Lifecycle;
  readonly #ready: Promise<RewardModelInfo>;

  /** @internal Use {@link createServer}. */
  constructor(model: string | LoadRewardModelOptions | RewardModel, options: CheckedOptions) {
    if (options === undefined) throw notConstructible("RewardServer", "createServer()");
    const access = new AccessControl(options);
    let metrics: ServerMetrics | undefined;
    const isDraining = () => this.#lifecycle.isDraining;
    const app = createApp({
      options,
      access,
      observe: (record) => metrics?.request(record),
      isLast: isDraining,
    });
    const { modelName, compareHeads } = options;
    const log = (level: "info" | "warn" | "error", message: string) => app.log[level](message);
    const backend = startScoring(model, { ...given({ modelName }), compareHeads, log });
    const limits = { maxItems: options.maxQueueItems, maxTokens: options.maxQueueTokens };
    const work = new Work(backend, limits, {
      scored: (record) => metrics?.scored(record),
      notScored: (outcome) => metrics?.notScored(outcome),
    });
    metrics = new ServerMetrics({
      queue: () => work.waiting,
      early: () => work.early,
      inFlight: () => work.inFlight,
      state: () => backend.state,
      counters: () => backend.counters,
    });
    this.#lifecycle = new Lifecycle(app, backend);
    this.#context = { app, backend, work, options, access, metrics, started: Date.now(), isDraining };
    this.#ready = firstLoad(backend);
    this.#ready.catch(() => {});
    registerRoutes(this.#context);
  }

  /** Resolves with a description of the model when it is loaded; rejects with the StarlingError if it cannot be. */
  get ready(): Promise<RewardModelInfo> {
    return this.#ready;
  }

  /** The URL that it listens at, "http://127.0.0.1:8080" or "unix:/path"; undefined before listen(). */
  get address(): string | undefined {
    return addressOf(this.#context.app.server);
  }

  /**
   * Starts to listen; requests wait until the model is loaded.
   *
   * @returns the URL
   * @throws InvalidInputError for a wrong option, an address that is taken or not this machine's, and for a server that listens or
   *   is closed
   */
  async listen(options: ListenOptions = {}): Promise<string> {
    const { host = DEFAULT_HOST, port = DEFAULT_PORT, socket } = checkOptions("listen", options, listenChecks);
    if (socket !== undefined && (options.host !== undefined || options.port !== undefined))
      throw new InvalidInputError("ERR_INVALID_ARGUMENT", "listen takes host and port, or socket, but received both.");
    this.#lifecycle.refuseListeningAgain();
    this.#context.access.checkListening(socket === undefined ? host : undefined);
    await this.#lifecycle.listen(socket === undefined ? { host, port } : { path: socket });
    return this.address as string;
  }

  /** Answers every request that has come, then closes. New ones are refused with 503. A second call returns the same promise. */
  drain(): Promise<void> {
    return this.#lifecycle.drain();
  }

  /** Closes at once: requests that wait are answered with 503. */
  close(): Promise<void> {
    return this.#lifecycle.close();
  }

  /** As {@link RewardServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function registerRoutes(context: ServerContext): void {
  const { app } = context;
  const methods = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ method, url }) => {
    const known = methods.get(url) ?? new Set();
    for (const name of [method].flat()) known.add(name);
    methods.set(url, known);
  });
  registerHealth(context);
  registerMetrics(context);
  registerDialects(context, dialects, registerOwnInterface(context));
  registerPlayground(context);
  registerOpenApi(context, dialects, methods);
  registerUnknownPaths(app, methods);
}

function firstLoad(backend: ScoringBackend): Promise<RewardModelInfo> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const { state, model } = backend;
      if (model !== undefined) resolve(model.info);
      else if (state.status === "failed") reject(state.error);
      else if (state.status === "closed")
        reject(new ModelClosedError("The server was closed before its model was loaded."));
    };
    backend.onStateChange(look);
    look();
  });
}

function addressOf(server: Server): string | undefined {
  const address: AddressInfo | string | null = server.address();
  if (address === null) return undefined;
  if (typeof address === "string") return `unix:${address}`;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
