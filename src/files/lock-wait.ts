/** Says once what is waited for: a process warning, which Node prints on stderr. */
import { isLocal, type ProcessIdentity } from "./process-identity.ts";

/** Of the warnings that this package emits; the command line prints them in its own way. */
export const WARNING_NAME = "StarlingWarning";
/** Shorter waits are not reported. */
const UNNOTICED_MS = 1_000;

export interface AwaitedLock {
  readonly path: string;
  /** The user's name for what the lock guards. */
  readonly file: string;
  readonly holder: Partial<ProcessIdentity>;
  /** When the lock was last touched, in milliseconds since 1970. */
  readonly touchedMs: number;
  /** How long it must stay untouched before it is taken over. */
  readonly silentMs: number;
}

export class LockWait {
  readonly #since = performance.now();
  #said = false;

  /** Call repeatedly while waiting. */
  goesOn(lock: AwaitedLock): void {
    if (this.#said || performance.now() - this.#since < UNNOTICED_MS) return;
    this.#said = true;
    process.emitWarning(waitText(lock), WARNING_NAME);
  }
}

export function waitText({ path, file, holder, touchedMs, silentMs }: AwaitedLock): string {
  const { process: number, host } = holder;
  const who = `${number === undefined ? "another program" : `process ${number}`}${host === undefined ? "" : ` on ${host}`}`;
  if (isLocal(holder)) return `waiting for ${file}, which ${who} is writing`;
  return (
    `waiting for ${file}: its lock ${path} was made by ${who} and last touched at ${new Date(touchedMs).toISOString()}; ` +
    `it is taken over after ${Math.ceil(silentMs / 1000)} s without a touch`
  );
}
