/** The hub's address, cache and token, from huggingface_hub's variables, read as it reads them. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { InvalidInputError, invalidArgument } from "../errors.ts";
import { readError } from "../files/file-errors.ts";
import { isMissing } from "../files/system-errors.ts";
import { aString } from "../options.ts";

export const DEFAULT_ENDPOINT = "https://huggingface.co";

/** Access to the Hugging Face hub. Defaults come from the environment, as in huggingface_hub. */
export interface HubOptions {
  /** The hub's address; default $HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** The folder of huggingface_hub's cache; default $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub. */
  readonly cacheFolder?: string | undefined;
  /** Default: $HF_TOKEN, else the file that `hf auth login` writes. Sent to the hub itself only, never shown. */
  readonly token?: string | undefined;
}

export const hubChecks = { endpoint: aString, cacheFolder: aString, token: aString };

export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly cacheFolder: string;
  /** Undefined: not logged in. */
  readonly token: string | undefined;
  /** $HF_HUB_OFFLINE: only what is in the cache counts. */
  readonly offline: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws InvalidInputError for an address or a token that cannot be one */
export async function hubSettings(
  options: HubOptions = {},
  environment: Environment = process.env,
): Promise<HubSettings> {
  const home = hubHome(environment);
  const token = options.token ?? environment["HF_TOKEN"] ?? environment["HUGGING_FACE_HUB_TOKEN"];
  const tokenFile = environment["HF_TOKEN_PATH"];
  return {
    endpoint: checkEndpoint(options.endpoint || environment["HF_ENDPOINT"] || DEFAULT_ENDPOINT),
    cacheFolder: options.cacheFolder ?? defaultHubFolder(home, environment),
    token: checkToken(token || (await readToken(tokenFile ? expand(tokenFile, environment) : join(home, "token")))),
    offline: isTrue(environment["HF_HUB_OFFLINE"] || environment["TRANSFORMERS_OFFLINE"]),
  };
}

function hubHome(environment: Environment): string {
  const { HF_HOME, XDG_CACHE_HOME } = environment;
  return expand(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface"), environment);
}

function defaultHubFolder(home: string, environment: Environment): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = environment;
  return expand(HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, "hub"), environment);
}

/** "~" and "$NAME", which huggingface_hub expands in these variables. */
function expand(path: string, environment: Environment): string {
  return path
    .replace(/^~(?=$|[\\/])/, homedir())
    .replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (all, braced, bare) => environment[braced ?? bare] ?? all);
}

function checkEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "" || url.username)
    throw invalidArgument("the hub's endpoint (HF_ENDPOINT)", "an address such as https://huggingface.co", text);
  return url.href.replace(/\/+$/, "");
}

/** The message does not show the token: messages end in logs. */
function checkToken(text: string | undefined): string | undefined {
  const token = text?.trim();
  if (!token) return undefined;
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      "The hub's token (HF_TOKEN, or the token file) contains a space, a line break or a character outside ASCII: copy it again.",
      { field: "token" },
    );
  return token;
}

async function readToken(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw readError(path, cause);
  }
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}
