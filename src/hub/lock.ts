/**
 * A lock between processes, as a file: who made it holds it, and touches it while it works. Node has no locks of the
 * operating system. A holder that died is noticed at once on the same machine, and elsewhere because its file is no
 * longer touched.
 */
import { randomBytes } from "node:crypto";
import { open, readFile, rename, stat, unlink, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../files/byte-source.ts";
import { makeFolder } from "../files/make-folder.ts";
import { hasEnded, thisProcess } from "../files/process-identity.ts";
import { pause } from "./attempts.ts";
import { cannotWrite } from "./write-failure.ts";

const TOUCH_MS = 5_000;
/** As long as this a holder may be silent: six of its touches. Clocks of other machines do not count, only changes. */
const SILENT_MS = 30_000;
const POLL_MS = 100;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another holds the lock. */
  readonly onWait?: (() => void) | undefined;
  readonly silentMs?: number;
}

export class FileLock {
  readonly #path: string;
  readonly #content: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
    this.#timer = setInterval(() => void this.#touch(), TOUCH_MS).unref();
  }

  /**
   * Waits until nobody else holds the lock.
   *
   * @throws FileError when the folder cannot be written to; the signal's reason
   */
  static async acquire(path: string, { signal, onWait, silentMs = SILENT_MS }: LockOptions = {}): Promise<FileLock> {
    try {
      makeFolder(dirname(path));
    } catch (error) {
      throw cannotWrite(path, error);
    }
    const content = JSON.stringify({ ...thisProcess(), id: randomBytes(8).toString("hex") });
    let seen = { state: "", since: performance.now() };
    for (let tries = 0; ; tries++) {
      signal?.throwIfAborted();
      if (await createNew(path, content)) return new FileLock(path, content);
      if (tries === 0) onWait?.();
      const state = await stateOf(path);
      if (state === undefined) continue;
      const now = performance.now();
      if (state.text !== seen.state) seen = { state: state.text, since: now };
      if (isGone(state.content) || now - seen.since > silentMs) await breakLock(path, state.content);
      else await pause(POLL_MS, signal);
    }
  }

  /** Whoever found us silent for too long may have taken the lock: theirs is left alone. Never throws. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    const content = await readFile(this.#path, "utf8").catch(() => undefined);
    if (content === this.#content) await unlink(this.#path).catch(() => {});
  }

  async #touch(): Promise<void> {
    const now = new Date();
    await utimes(this.#path, now, now).catch(() => {});
  }
}

async function createNew(path: string, content: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    await handle.writeFile(content).finally(() => handle.close());
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw cannotWrite(path, error);
  }
}

async function stateOf(path: string): Promise<{ content: string; text: string } | undefined> {
  try {
    const content = await readFile(path, "utf8");
    return { content, text: `${(await stat(path)).mtimeMs} ${content}` };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw cannotWrite(path, error);
  }
}

/**
 * Two may find the same lock abandoned. A rename takes it away from one of them; one that took away a new lock by it
 * leaves its holder without, which costs no bytes: both then write the same bytes to the same places.
 */
async function breakLock(path: string, content: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    if ((await readFile(path, "utf8")) !== content) return;
    await rename(path, aside);
    await unlink(aside);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw cannotWrite(path, error);
  }
}

/** Half-written content says nothing. */
function isGone(content: string): boolean {
  try {
    return hasEnded(JSON.parse(content));
  } catch {
    return false;
  }
}
