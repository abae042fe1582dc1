/** Identifies the process that holds a file, and tells whether it still runs. */
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { readTextIfReadable } from "./optional-files.ts";
import { codeOf } from "./system-errors.ts";

export interface ProcessIdentity {
  readonly host: string;
  /** One boot of one machine: two machines may have the same name. Empty if the system does not say. */
  readonly boot: string;
  /** Process numbers count within it only: containers have their own. */
  readonly space: string;
  readonly process: number;
  /** When the process began, as the system counts: numbers are used again. Empty where the system does not tell. */
  readonly started: string;
}

export function thisProcess(): ProcessIdentity {
  return { ...here(), process: process.pid, started: stateOf(process.pid)?.started ?? "" };
}

/** Whether it ran on this machine since its last start; of other machines' processes nothing is known. */
export function isLocal({ host, boot, space, process: number }: Partial<ProcessIdentity>): boolean {
  const us = here();
  return (
    host === us.host && boot === us.boot && space === us.space && Number.isSafeInteger(number) && Number(number) > 0
  );
}

/** Whether it was a process of this machine that has ended. */
export function hasEnded(holder: Partial<ProcessIdentity>): boolean {
  if (!isLocal(holder)) return false;
  const number = holder.process as number;
  try {
    process.kill(number, 0);
  } catch (error) {
    // Any other error means that there is such a process, and that it is another user's.
    if (codeOf(error) === "ESRCH") return true;
  }
  const state = stateOf(number);
  if (state === undefined) return false;
  // One that was killed keeps its number until its parent asks how it ended.
  return state.isDead || (isText(holder.started) && state.started !== holder.started);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function here(): Pick<ProcessIdentity, "host" | "boot" | "space"> {
  let space = "";
  try {
    space = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Not Linux: there is one space of numbers.
  }
  return { host: hostname(), boot: readTextIfReadable("/proc/sys/kernel/random/boot_id")?.trim() ?? "", space };
}

/** See proc(5): after the name, which may hold anything at all, come the state and, as the 20th, the time of the start. */
function stateOf(number: number): { readonly isDead: boolean; readonly started: string } | undefined {
  const text = readTextIfReadable(`/proc/${number}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields[0], fields[19]];
  if (state === undefined || started === undefined) return undefined;
  return { isDead: state === "Z" || state === "X", started };
}
