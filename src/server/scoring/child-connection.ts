/** One scoring process: its start, its messages, and how it ended. */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { NativeError } from "../../errors.ts";
import { childEnvironment } from "../../native/child-process.ts";
import { packageRoot } from "../../package-info.ts";
import { howItEnded } from "./end-reason.ts";
import type { FromChild, ScoringSetup, SentItem, ToChild } from "./messages.ts";

/** How often it is asked whether its JavaScript thread answers. */
const PING_MS = 5_000;
/** The thread does nothing that takes seconds; on a machine that swaps it may wait. */
const SILENCE_LIMIT_MS = 60_000;
/** A process that was asked to end has nothing to finish. */
const END_LIMIT_MS = 2_000;
/** What it printed at its end is read within this time. */
const OUTPUT_LIMIT_MS = 500;
/** Enough for a failed assertion and the lines around it. */
const MAX_PRINTED_CHARACTERS = 4_000;

/** What is not answered here. */
export type NewsOfChild = Exclude<FromChild, { readonly type: "started" | "pong" }>;

export interface ConnectionEvents {
  readonly onMessage: (message: NewsOfChild) => void;
  /** Called once, last. @param reason what comes after "The scoring process" */
  readonly onEnd: (reason: string) => void;
}

export interface ConnectionOptions {
  /** For tests: another script. */
  readonly script?: string | undefined;
  /** For tests: see SILENCE_LIMIT_MS. */
  readonly silenceLimitMs?: number | undefined;
}

export class ChildConnection {
  readonly #process: ChildProcess;
  readonly #events: ConnectionEvents;
  readonly #ended: Promise<void>;
  readonly #pinging: NodeJS.Timeout;
  /** Pings since it was last heard. Counted, not timed: a machine that slept does not count. */
  #unanswered = 0;
  #printed = "";
  #reason: string | undefined;
  #items: SentItem[] = [];
  #cancelled: number[] = [];
  #flushing = false;

  /** @throws NativeError where the script is missing; what fork throws where processes are not allowed */
  constructor(setup: ScoringSetup, events: ConnectionEvents, options: ConnectionOptions = {}) {
    this.#events = events;
    const { script = childScript(), silenceLimitMs = SILENCE_LIMIT_MS } = options;
    const pingMs = Math.min(PING_MS, silenceLimitMs / 4);
    this.#process = fork(script, [], {
      serialization: "advanced",
      execArgv: loaderOptions(),
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {
        ...childEnvironment(process.env),
        // The backtrace is of no use without symbols, and llama.cpp starts a debugger for it.
        GGML_NO_BACKTRACE: "1",
      },
      windowsHide: true,
    } as Parameters<typeof fork>[2]);
    for (const output of [this.#process.stdout, this.#process.stderr])
      output?.setEncoding("utf8").on("data", (text: string) => {
        this.#printed = (this.#printed + text).slice(-MAX_PRINTED_CHARACTERS);
      });
    this.#process.on("message", (message: FromChild) => {
      this.#unanswered = 0;
      if (message.type === "started") this.#send({ type: "load", setup });
      else if (message.type !== "pong") this.#events.onMessage(message);
    });
    this.#pinging = setInterval(() => this.#ping(silenceLimitMs / pingMs, silenceLimitMs), pingMs).unref();
    this.#ended = new Promise((resolve) => {
      let printing: NodeJS.Timeout | undefined;
      const end = (reason: string) => {
        if (this.#reason === ENDED) return;
        const why = this.#reason ?? reason;
        this.#reason = ENDED;
        clearInterval(this.#pinging);
        clearTimeout(printing);
        resolve();
        this.#events.onEnd(why);
      };
      this.#process.on("error", (error) => {
        // A message that could not be sent is no end.
        if (this.#process.pid === undefined) end(`could not be started (${error.message})`);
      });
      const ended = (code: number | null, signal: NodeJS.Signals | null) =>
        end(howItEnded({ code, signal, printed: this.#printed }));
      this.#process.on("close", ended);
      // Something that it started may hold its output open.
      this.#process.on("exit", (code, signal) => {
        printing = setTimeout(() => ended(code, signal), OUTPUT_LIMIT_MS);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** What is sent at the same time goes in one message. */
  score(item: SentItem): void {
    this.#items.push(item);
    this.#flushSoon();
  }

  /** Does nothing for an item that is done. */
  cancel(id: number): void {
    this.#cancelled.push(id);
    this.#flushSoon();
  }

  /** Ends it now. onEnd is called with `reason`. */
  kill(reason: string): void {
    this.#reason ??= reason;
    this.#process.kill("SIGKILL");
  }

  /** Lets it end by itself, without waiting for its work. Resolves when it has ended. */
  async close(): Promise<void> {
    this.#reason ??= "was closed";
    if (this.#process.connected) this.#process.disconnect();
    const limit = setTimeout(() => this.#process.kill("SIGKILL"), END_LIMIT_MS);
    await this.#ended;
    clearTimeout(limit);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const message = { type: "work", items: this.#items, cancelled: this.#cancelled } as const;
      this.#items = [];
      this.#cancelled = [];
      this.#send(message);
    });
  }

  #ping(limit: number, silenceLimitMs: number): void {
    if (this.#unanswered < limit) {
      this.#unanswered += 1;
      this.#send({ type: "ping" });
      return;
    }
    // When this thread was busy, answers may wait to be read.
    setImmediate(() => {
      if (this.#unanswered >= limit) this.kill(`did not answer for ${silenceLimitMs / 1000} seconds and was ended`);
    });
  }

  /** A message to a process that ended is lost; its end is reported anyway. */
  #send(message: ToChild): void {
    if (this.#process.connected) this.#process.send(message, undefined, undefined, () => {});
  }
}

/** Marks that onEnd was called. */
const ENDED = "ended";

function childScript(): string {
  const script = join(packageRoot(), "dist", "src", "server", "scoring", "scoring-child.js");
  if (existsSync(script)) return script;
  throw new NativeError(
    "ERR_ADDON_NOT_BUILT",
    `The file ${script} is missing: install the package again, or run "npm run build:ts" in a checkout.`,
    { file: script },
  );
}

/** This process's options are not passed on, except what finds packages with Yarn Plug'n'Play. */
function loaderOptions(): string[] {
  if (process.versions["pnp"] === undefined) return [];
  const pnp = createRequire(join(packageRoot(), "package.json")).resolve("pnpapi");
  const loader = join(dirname(pnp), ".pnp.loader.mjs");
  return ["--require", pnp, ...(existsSync(loader) ? ["--experimental-loader", pathToFileURL(loader).href] : [])];
}
