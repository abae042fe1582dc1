/** The cache folder, for files that can be made again. */
import { homedir } from "node:os";
import { join } from "node:path";

/** $STARLING_RM_CACHE, else our folder in the system's place for caches. */
export function defaultCacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const { STARLING_RM_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = env;
  if (STARLING_RM_CACHE) return STARLING_RM_CACHE;
  if (platform === "win32" && LOCALAPPDATA) return join(LOCALAPPDATA, "starling-rm", "cache");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "starling-rm");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "starling-rm");
}
