/** One process that runs native/child-process/template-process.cjs: a request, an answer, an end. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { deserialize, serialize } from "node:v8";
import { childEnvironment } from "./child-process.ts";

/** Why it failed. */
export class ChildFailure extends Error {
  /** "limit": it was too slow or took too much memory; "ended": something else ended it, or kept it from starting. */
  readonly kind: "limit" | "ended";

  constructor(reason: string, kind: "limit" | "ended") {
    super(reason);
    this.kind = kind;
  }
}

export interface ChildOptions {
  readonly script: string;
  /** The first message. */
  readonly setup: unknown;
  /** Of V8's heap; Bun has no such limit. */
  readonly heapMegabytes: number;
  /** A module that the process loads first. */
  readonly preload?: string | undefined;
  /** For tests: another program than this process's own. */
  readonly program?: string | undefined;
}

/** Starting Node takes 50 ms, and seconds where the machine is busy and the disk slow. */
const START_LIMIT_MS = 60_000;
/**
 * When this thread was busy, its timers come before the answers that wait to be read: a limit that has passed counts only
 * if there is still no answer after this.
 */
const GRACE_MS = 250;
const LENGTH_BYTES = 4;
/** How V8 ends a process whose heap is full: by its signal, or by the exit code that Windows has for it. */
const OUT_OF_HEAP: readonly unknown[] = ["SIGABRT", "SIGTRAP", "SIGILL", 134, 0x80000003];

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: ChildFailure) => void;
  readonly maxBytes: number;
  readonly timer: NodeJS.Timeout;
}

/** Running children; process.exit ends them too. */
const running = new Set<TemplateChild>();
let watchesExit = false;

export class TemplateChild {
  readonly #process: ChildProcess;
  readonly #heapMegabytes: number;
  #chunks: Buffer[] = [];
  #received = 0;
  #waiting: Waiting | undefined;
  #failure: ChildFailure | undefined;
  #started: Promise<unknown>;

  /** @throws what spawn throws where processes are not allowed */
  constructor({ script, setup, heapMegabytes, preload, program = process.execPath }: ChildOptions) {
    this.#heapMegabytes = heapMegabytes;
    const preloading = preload === undefined ? [] : ["--require", preload];
    this.#process = spawn(program, [`--max-old-space-size=${heapMegabytes}`, ...preloading, script], {
      // V8 prints a lot about a full heap.
      stdio: ["pipe", "pipe", "ignore"],
      env: childEnvironment(process.env),
      windowsHide: true,
    });
    this.#process.on("error", (error) => this.#fail(`its process could not be started (${error.message})`, "ended"));
    this.#process.on("close", (code, signal) => this.#closed(code, signal));
    // Requests to a process that ended fail when it ends.
    this.#process.stdin?.on("error", () => {});
    this.#process.stdout?.on("error", () => {});
    this.#process.stdout?.on("data", (chunk: Buffer) => this.#read(chunk));
    running.add(this);
    if (!watchesExit) process.on("exit", killAll);
    watchesExit = true;
    this.#started = this.#exchange(setup, START_LIMIT_MS, LENGTH_BYTES * 1024);
    // The caller gets the error.
    this.#started.catch(() => {});
  }

  /** Whether it can be asked. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /**
   * One request at a time.
   *
   * @param maxBytes of the answer
   * @throws ChildFailure, after which the process has ended
   */
  async ask(request: unknown, limitMs: number, maxBytes: number): Promise<unknown> {
    await this.#started;
    return this.#exchange(request, limitMs, maxBytes);
  }

  /** Ends the process; a request that waits fails with `reason`. */
  kill(reason = "its process ended", kind: ChildFailure["kind"] = "ended"): void {
    // Wait until the process has ended: it must not get another request.
    this.#fail(reason, kind);
    this.#process.kill("SIGKILL");
    this.#process.stdin?.destroy();
    this.#process.stdout?.destroy();
  }

  #exchange(request: unknown, limitMs: number, maxBytes: number): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const body = serialize(request);
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32LE(body.length);
    return new Promise((resolve, reject) => {
      const slow = () => this.kill(`it took longer than ${limitMs / 1000} seconds`, "limit");
      const timer = setTimeout(() => {
        if (this.#waiting?.timer === timer) setTimeout(() => this.#waiting?.timer === timer && slow(), GRACE_MS);
      }, limitMs);
      this.#waiting = { resolve, reject, maxBytes, timer };
      this.#hold(true);
      this.#process.stdin?.write(length);
      this.#process.stdin?.write(body);
    });
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#received < LENGTH_BYTES || this.#waiting === undefined) return;
    if ((this.#chunks[0] as Buffer).length < LENGTH_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = (this.#chunks[0] as Buffer).readUInt32LE();
    if (length > this.#waiting.maxBytes || this.#received > LENGTH_BYTES + length) {
      this.kill("its process returned an invalid answer");
      return;
    }
    if (this.#received < LENGTH_BYTES + length) return;
    const frame = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#received = 0;
    const waiting = this.#settle();
    waiting?.resolve(deserialize(frame.subarray(LENGTH_BYTES)));
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    const end = signal ?? code;
    if (OUT_OF_HEAP.includes(end)) this.#fail(`it took more than ${this.#heapMegabytes} MiB of memory`, "limit");
    else this.#fail(`its process ended (${signal ?? `exit code ${code}`})`, "ended");
  }

  #fail(reason: string, kind: ChildFailure["kind"]): void {
    this.#failure ??= new ChildFailure(reason, kind);
    running.delete(this);
    this.#settle()?.reject(this.#failure);
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    clearTimeout(waiting?.timer);
    this.#hold(false);
    return waiting;
  }

  /** An idle process does not keep this one from ending. */
  #hold(busy: boolean): void {
    const how = busy ? "ref" : "unref";
    this.#process[how]();
    // Bun's pipes have neither, and do not keep it running.
    for (const pipe of [this.#process.stdin, this.#process.stdout] as (Partial<Socket> | null)[]) pipe?.[how]?.();
  }
}

function killAll(): void {
  for (const child of running) child.kill();
}
