/**
 * A lock between processes, as a file: its creator holds it, and touches it while working. Node has no
 * operating-system locks. A dead holder is noticed at once on the same machine, and elsewhere because its file is no
 * longer touched.
 */
import { createHash, randomBytes } from "node:crypto";
import { link, lstat, open, readFile, unlink, utimes } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { removeAtExit } from "./at-exit.ts";
import { LockWait } from "./lock-wait.ts";
import { ifExists } from "./optional-files.ts";
import { hasEnded, isLocal, type ProcessIdentity, thisProcess } from "./process-identity.ts";
import { codeOf, hasNoLinks, isMissing } from "./system-errors.ts";
import { isRefusedForNow, removeFile } from "./windows.ts";

const TOUCH_MS = 5_000;
/** How long a holder may be silent: six touches. Only changes count, not the clocks of other machines. */
const SILENT_MS = 30_000;
/** An empty or unreadable lock has no holder. Ours look like that only briefly, without hard links. */
const NO_HOLDER_MS = 1_000;
/** How long Windows may refuse a file before it counts as closed to this user. */
const MAX_REFUSED_MS = 2_000;
/** Of the silence that ends a lock: longer than a touch takes. */
const STALE_SILENCE = 0.25;
/** The first check comes soon, because locks are often held only for an instant. */
const MIN_POLL_MS = 10;
const MAX_POLL_MS = 100;

/** What the file says about its creator. */
export interface LockHolder extends ProcessIdentity {
  /** Of the process's worker threads; 0 is the main one. */
  readonly thread: number;
  /** ISO 8601. */
  readonly since: string;
  readonly id: string;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another holds the lock. */
  readonly onWait?: (() => void) | undefined;
  readonly silentMs?: number;
  /** The user's name for what the lock guards; a wait of more than a second is a warning with this name. */
  readonly file?: string | undefined;
}

/** The lock is held; `holder` is who, if the file says so. */
export class LockHeld {
  readonly holder: Partial<LockHolder>;

  constructor(holder: Partial<LockHolder>) {
    this.holder = holder;
  }
}

export class FileLock {
  readonly path: string;
  readonly #content: string;
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;

  private constructor(path: string, content: string) {
    this.path = path;
    this.#content = content;
    this.#timer = setInterval(() => void this.#touch(), TOUCH_MS).unref();
    this.#forget = removeAtExit(path, content);
  }

  /**
   * Waits until no other process holds the lock. The folder must exist.
   *
   * @throws the system's error; the signal's reason
   */
  static async acquire(path: string, options: LockOptions = {}): Promise<FileLock> {
    return (await FileLock.#take(path, options, true)) as FileLock;
  }

  /**
   * Takes the lock unless another holds it. For holders on this machine that is known at once; a remote holder is
   * watched until it touches its file or has been silent for too long.
   *
   * @throws as {@link acquire}
   */
  static tryAcquire(path: string, options: LockOptions = {}): Promise<FileLock | LockHeld> {
    return FileLock.#take(path, options, false);
  }

  static async #take(path: string, options: LockOptions, waits: boolean): Promise<FileLock | LockHeld> {
    const { signal, onWait, silentMs = SILENT_MS, file = path } = options;
    const holder = { ...thisProcess(), thread: threadId, since: new Date().toISOString() };
    const content = JSON.stringify({ ...holder, id: randomBytes(8).toString("hex") });
    let seen: { readonly state: string; readonly since: number } | undefined;
    let wait: LockWait | undefined;
    // Windows refuses every use of a file that is being removed.
    let refusedSince: number | undefined;
    for (let poll = MIN_POLL_MS; ; poll = Math.min(MAX_POLL_MS, 1.5 * poll)) {
      signal?.throwIfAborted();
      let found: LockState | undefined;
      try {
        found = await stateOf(path);
        if (found === undefined) {
          if (await createWhole(path, content)) return new FileLock(path, content);
          continue;
        }
        refusedSince = undefined;
      } catch (error) {
        refusedSince ??= performance.now();
        if (!isRefusedForNow(error) || performance.now() - refusedSince > MAX_REFUSED_MS) throw error;
        await pause(poll, signal);
        continue;
      }
      if (wait === undefined) onWait?.();
      wait ??= new LockWait();
      const now = performance.now();
      const state = `${found.changedMs} ${found.content}`;
      const before = seen;
      if (before?.state !== state) seen = { state, since: now };
      const silent = before?.state === state ? now - before.since : 0;
      const other = holderIn(found.content);
      const limit = hasHolder(other) ? silentMs : Math.min(silentMs, NO_HOLDER_MS);
      const isStale = mayHaveEnded(other, found.changedMs, silentMs);
      const hasStopped = isStale && silent > silentMs * STALE_SILENCE;
      if (hasEnded(other) || silent > limit || hasStopped || isLostThread(other, found.changedMs, silentMs)) {
        if (await breakLock(path, found, content, silent > 2 * silentMs)) continue;
      } else if (!waits && ((isLocal(other) && !isStale) || (before !== undefined && before.state !== state)))
        return new LockHeld(other);
      if (hasHolder(other)) wait.goesOn({ path, file, holder: other, touchedMs: found.changedMs, silentMs });
      await pause(poll, signal);
    }
  }

  /** Whether another process took it after finding us silent for too long. */
  async wasTaken(): Promise<boolean> {
    const content = await contentOf(this.path).catch(() => undefined);
    return content !== undefined && content !== this.#content;
  }

  /** Another process may have taken the lock after a long silence: theirs is kept. Never throws. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if (!(await this.wasTaken())) await removeFile(this.path).catch(() => {});
    // Only now: the process may end while the file is removed.
    this.#forget();
  }

  async #touch(): Promise<void> {
    const now = new Date();
    if (!(await this.wasTaken())) await utimes(this.path, now, now).catch(() => {});
  }
}

/** Whether a lock, or a file that was to become one, names a process of this machine that has ended. */
export async function isAbandoned(path: string): Promise<boolean> {
  return hasEnded(holderIn((await contentOf(path).catch(() => undefined)) ?? ""));
}

/** Creates a file with all of its content or not at all, if the file system can do that. */
async function createWhole(path: string, content: string): Promise<boolean> {
  for (;;) {
    const own = `${path}.${randomBytes(6).toString("hex")}`;
    await writeNew(own, content);
    try {
      await link(own, path);
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      // A holder that found it before it was written took it for one of a process that died.
      if (isMissing(error) && (await stateOf(own)) === undefined) continue;
      if (!hasNoLinks(error)) throw error;
    } finally {
      await unlink(own).catch(() => {});
    }
    try {
      await writeNew(path, content);
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    }
  }
}

async function writeNew(path: string, content: string): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(content);
  } catch (error) {
    await unlink(path).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}

interface LockState {
  readonly content: string;
  readonly changedMs: number;
}

function stateOf(path: string): Promise<LockState | undefined> {
  return ifExists(readState(path));
}

async function readState(path: string): Promise<LockState> {
  const stats = await lstat(path);
  // Nobody's lock, and perhaps a pipe, which would be waited for.
  const content = stats.isFile() ? await readFile(path, "utf8") : `not a file: ${stats.ino}`;
  return { content, changedMs: stats.mtimeMs };
}

async function contentOf(path: string): Promise<string | undefined> {
  return (await stateOf(path))?.content;
}

/**
 * Removes an abandoned lock. Two processes may find it abandoned, and the slower one must not remove the lock that the
 * faster one has taken since. So the remover first creates a token exclusively, named after this lock's content and time,
 * which never recur. While the token exists, no other process removes the lock. Once it is gone, the lock has changed, and
 * the next remover notices that before it removes anything. The token of a dead process is replaced.
 *
 * @param any whether tokens of unknown makers also count as abandoned
 * @returns false: another process is about to remove it
 */
async function breakLock(path: string, found: LockState, own: string, any: boolean): Promise<boolean> {
  const tokenName = `${path}.${createHash("sha256").update(found.content).digest("hex").slice(0, 16)}`;
  const tokens: string[] = [];
  for (;;) {
    const token = `${tokenName}.${tokens.length}`;
    tokens.push(token);
    if (await createWhole(token, own)) break;
    const maker = holderIn((await contentOf(token)) ?? "");
    if (!hasEnded(maker) && !(any && !isLocal(maker))) return false;
  }
  try {
    const now = await stateOf(path);
    // Two empty locks differ only in their times.
    if (now?.content === found.content && now.changedMs === found.changedMs) await unlink(path);
  } finally {
    for (const token of tokens) await unlink(token).catch(() => {});
  }
  return true;
}

/** Whether the file names its holder: our locks do from the moment they exist. */
function hasHolder({ process: number, host }: Partial<LockHolder>): boolean {
  return typeof host === "string" && typeof number === "number";
}

/** Empty for half-written content. */
function holderIn(content: string): Partial<LockHolder> {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/**
 * Where the system does not tell when a process began, another one may have its number by now: a live holder would have
 * touched the lock. It is given a part of the silence once more: the machine may have slept.
 */
function mayHaveEnded(holder: Partial<LockHolder>, changedMs: number, silentMs: number): boolean {
  return isLocal(holder) && holder.started === "" && Date.now() - changedMs > silentMs;
}

/** A terminated worker thread leaves its lock behind while its process, ours, keeps running. */
function isLostThread(holder: Partial<LockHolder>, changedMs: number, silentMs: number): boolean {
  const isOurs = isLocal(holder) && holder.process === process.pid && holder.thread !== threadId;
  return isOurs && Date.now() - changedMs > silentMs;
}

/** @throws the signal's reason as soon as it is aborted */
async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
