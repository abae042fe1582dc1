/** Who holds a file: a process that can be told from others, and of which it can be told whether it still runs. */
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { codeOf } from "./byte-source.ts";

export interface ProcessIdentity {
  readonly host: string;
  /** Process numbers count within it only: containers have their own. */
  readonly space: string;
  readonly process: number;
}

export function thisProcess(): ProcessIdentity {
  let space = "";
  try {
    space = readlinkSync("/proc/self/ns/pid");
  } catch {}
  return { host: hostname(), space, process: process.pid };
}

/** Whether it ran on this machine; of another machine's processes nothing is known. */
export function isLocal({ host, space, process: number }: Partial<ProcessIdentity>): boolean {
  const us = thisProcess();
  return host === us.host && space === us.space && Number.isInteger(number);
}

/** Whether it was a process of this machine that is no more. */
export function hasEnded(holder: Partial<ProcessIdentity>): boolean {
  if (!isLocal(holder)) return false;
  try {
    process.kill(holder.process as number, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}
