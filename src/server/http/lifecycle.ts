/** From listening to the end: a drain answers what has come, a close does not wait. */
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { InvalidInputError, isStarlingError } from "../../errors.ts";
import { systemReason } from "../../files/system-errors.ts";
import type { ScoringBackend } from "../contract.ts";
import { ENDING, notReady } from "../request-error.ts";
import { type Exchange, exchangeOf } from "./exchange.ts";
import { freeSocketFile } from "./socket-file.ts";

const CLOSE_IDLE_MS = 100;
/**
 * Connections that the system takes before we do, as far as it allows (Linux: 4096). Trainers open one for each rollout, hundreds
 * at once; beyond Node's own 511 a connection is tried again by the client's system after 1 s, then 3 s, and some clients give up.
 */
const BACKLOG = 4096;
/** Of a drain: how often it looks, and how often it has to find nothing. */
const ROUND_MS = 50;
const QUIET_ROUNDS = 3;
/**
 * Connections that the system had taken before the drain may be seen after it began: they are as good as those that were seen
 * before. Node takes one in each round of its event loop, so the first round without one ends them; if there is none, so many
 * clients come that the drain would never end.
 */
const BACKLOG_MS = 100;
const MAX_BACKLOG_MS = 2_000;
/** A request that is still being sent when the drain begins has this long to come. */
const MAX_LATE_MS = 10_000;

type Where = { readonly host: string; readonly port: number } | { readonly path: string };

export class Lifecycle {
  readonly #app: FastifyInstance;
  readonly #backend: ScoringBackend;
  readonly #open = new Set<Exchange>();
  /** Connections of clients that could know better. */
  readonly #late = new WeakSet<Socket>();
  /** Whether connections come too late. */
  #isLate = false;
  #connections = 0;
  #listening: Promise<void> | undefined;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(app: FastifyInstance, backend: ScoringBackend) {
    this.#app = app;
    this.#backend = backend;
    app.server.on("connection", (socket: Socket) => {
      this.#connections += 1;
      if (this.#isLate) this.#late.add(socket);
    });
    app.addHook("onRequest", async (request, reply) => {
      // Connections from before the drain get one more answer; those that came later can go elsewhere.
      if (this.#late.has(request.raw.socket)) {
        if (request.method === "POST") throw notReady(ENDING);
        return;
      }
      const exchange = exchangeOf(request);
      this.#open.add(exchange);
      reply.raw.on("close", () => this.#open.delete(exchange));
    });
  }

  get isDraining(): boolean {
    return this.#draining !== undefined || this.#closing !== undefined;
  }

  /** @throws InvalidInputError when it listens, or did */
  refuseListeningAgain(): void {
    if (this.isDraining) throw notAgain("is closed");
    if (this.#listening !== undefined) throw notAgain("listens already");
  }

  async listen(where: Where): Promise<void> {
    this.refuseListeningAgain();
    this.#listening = this.#listen(where);
    try {
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      throw listenFailure(error, where);
    }
    if (this.#closing !== undefined) throw notAgain("was closed meanwhile");
  }

  async #listen(where: Where): Promise<void> {
    if ("path" in where) await freeSocketFile(where.path);
    await this.#app.listen({ ...where, backlog: BACKLOG });
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  /**
   * It goes on listening until the end, so that probes are answered. Idle connections are closed last: their clients may just be
   * sending, and are told to close them with the next answer.
   */
  async #drain(): Promise<void> {
    const began = performance.now();
    const elapsed = () => performance.now() - began;
    const takeBacklog = () => {
      const before = this.#connections;
      setImmediate(() => {
        this.#isLate ||= this.#connections === before || elapsed() > MAX_BACKLOG_MS;
        if (!this.#isLate) takeBacklog();
      });
    };
    setTimeout(takeBacklog, BACKLOG_MS);
    let quiet = 0;
    while (this.#closing === undefined && quiet < QUIET_ROUNDS) {
      quiet = !this.#isLate || this.#isBusy(elapsed() < MAX_LATE_MS) ? 0 : quiet + 1;
      await new Promise((resolve) => {
        setTimeout(resolve, ROUND_MS);
      });
    }
    await this.close();
  }

  /** @param withLate whether requests count that are still being sent */
  #isBusy(withLate: boolean): boolean {
    return [...this.#open].some(({ accepted }) => accepted || withLate);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isLate = true;
    // What begins to listen after it was closed would never end.
    await this.#listening?.catch(() => {});
    for (const exchange of this.#open) exchange.stop(notReady(ENDING));
    const closed = this.#app.close();
    await this.#backend.close();
    // Answers that were just made are still being written.
    await new Promise(setImmediate);
    const { server } = this.#app;
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_IDLE_MS);
    await closed;
    clearTimeout(timer);
  }
}

function notAgain(what: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", `The server ${what}: make another one with createServer().`);
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is in use: choose another port, or 0 for any that is free",
  EACCES: "this user may not use it: choose a port from 1024 on",
  EADDRNOTAVAIL: "it is not an address of this machine",
  ENOTFOUND: "there is no address of this name",
};

/** libuv says EACCES of a folder that is not there: that is looked at before. */
const SOCKET_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "another server has just begun to listen there",
  EACCES: "this user may not write to its folder",
};

function listenFailure(error: unknown, where: Where): Error {
  if (isStarlingError(error)) return error;
  const isSocket = "path" in where;
  const shown = isSocket ? where.path : `${where.host}:${where.port}`;
  const why = (isSocket ? SOCKET_ADVICE : ADVICE)[(error as { code?: string }).code ?? ""] ?? systemReason(error);
  return new InvalidInputError("ERR_INVALID_ARGUMENT", `The server cannot listen at ${shown}: ${why}.`, {
    field: isSocket ? "socket" : "host",
    cause: error,
  });
}
