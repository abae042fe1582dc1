import { setTimeout as sleep } from "node:timers/promises";
import { removeLeftoversNow } from "./files/at-exit.ts";
import { addonIfLoaded, loadAddon } from "./native/load-addon.ts";

/** Most system calls end within this time. */
const MAX_WAIT_MS = 100;
const POLL_MS = 5;

/**
 * Ends the process now, whatever its threads are doing: process.exit waits for those that read from a stalled disk or
 * quantise. Temporary files are removed first, unless that also takes too long.
 *
 * @param exitCode the shell's 128 + signal number
 * @param signal ends the process if there is no other way; a shell sees the same exit code
 */
export async function endProcess(exitCode: number, signal: NodeJS.Signals): Promise<void> {
  await Promise.race([removeLeftoversNow(), sleep(MAX_WAIT_MS)]);
  // Child processes are ended by their listeners.
  process.emit("exit", exitCode);
  addonIfLoaded()?.endProcess(exitCode);
  for (let waited = 0; isWaiting() && waited < MAX_WAIT_MS; waited += POLL_MS) await sleep(POLL_MS);
  if (isWaiting()) {
    try {
      loadAddon().endProcess(exitCode);
    } catch {
      // There is none here.
    }
    process.removeAllListeners(signal);
    try {
      process.kill(process.pid, signal);
    } catch {
      // Windows has no way to send this one.
    }
  }
  process.exit(exitCode);
}

/** Whether threads are inside system calls for us; process.exit waits for them. */
function isWaiting(): boolean {
  return process.getActiveResourcesInfo().some((name) => /^FSReq|^(?:GetAddrInfo|GetNameInfo)ReqWrap$/.test(name));
}
