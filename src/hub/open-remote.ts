/** Inspects without downloading: a GGUF at a URL or in a repository, or a checkpoint on the hub. */
import type { CheckpointFolder } from "../checkpoint/folder.ts";
import { HubError, invalidArgument } from "../errors.ts";
import type { ByteSource } from "../files/byte-source.ts";
import { isHubSpec, parseGgufSpec, parseRepository } from "./address.ts";
import { HubClient } from "./client.ts";
import { openFrom } from "./gguf-file.ts";
import { type Internals, openHubFolder } from "./hub-folder.ts";
import { openModelFolder } from "./model-folder.ts";
import { RemoteFile } from "./remote-file.ts";
import { DEFAULT_RETRY_POLICY } from "./retry.ts";
import { type HubOptions, hubSettings } from "./settings.ts";

export interface RemoteOptions extends HubOptions {
  readonly signal?: AbortSignal;
}

export type Remote =
  | { readonly kind: "gguf"; readonly file: ByteSource }
  | { readonly kind: "checkpoint"; readonly folder: CheckpointFolder };

/** Whether it is a web address or begins with "hf:"; everything else is a local path. */
export function isRemote(spec: string): boolean {
  return isHubSpec(spec) || /^https?:\/\//i.test(spec);
}

/**
 * Opens "hf:OWNER/NAME", "hf:OWNER/NAME/FILE.gguf" or the URL of a GGUF; only the ranges that are read are
 * downloaded.
 *
 * @throws HubError, InvalidInputError
 */
export async function openRemote(
  spec: string,
  options: RemoteOptions = {},
  internals: Internals = {},
): Promise<Remote> {
  const settings = await hubSettings(options);
  if (!isHubSpec(spec)) return { kind: "gguf", file: await openAddress(spec, settings, options, internals) };
  const gguf = parseGgufSpec(spec);
  if (gguf === undefined && settings.offline) {
    const { folder } = await openModelFolder(spec, options, internals);
    return { kind: "checkpoint", folder };
  }
  if (settings.offline) throw offline(spec);
  const folder = await openHubFolder(gguf?.repository ?? parseRepository(spec), settings, options, internals);
  return gguf === undefined
    ? { kind: "checkpoint", folder }
    : { kind: "gguf", file: await openFrom(folder, gguf.file) };
}

async function openAddress(
  spec: string,
  { endpoint, token, offline: isOffline }: Awaited<ReturnType<typeof hubSettings>>,
  { signal }: RemoteOptions,
  { retryPolicy = DEFAULT_RETRY_POLICY }: Internals,
): Promise<ByteSource> {
  if (!URL.canParse(spec)) throw invalidArgument("the address", "a web address such as https://host/file.gguf", spec);
  if (isOffline) throw offline(spec.replace(/[?#].*$/s, ""));
  const url = new URL(spec);
  // The page about a file on the hub, which is what one copies from a browser.
  if (url.href.startsWith(`${endpoint}/`))
    url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
  // The query may be a signature, and the part before @ a password.
  const path = `${url.origin}${url.pathname}`;
  const client = new HubClient({ endpoint, token, retryPolicy });
  return RemoteFile.open({ client, address: withoutCredentials(url), path, subject: { what: path }, signal });
}

/** fetch refuses such addresses with an error that shows the password. */
function withoutCredentials(url: URL): string {
  if (url.username !== "" || url.password !== "")
    throw invalidArgument(
      "the address",
      "a web address without a user name and password",
      `${url.origin}${url.pathname}`,
    );
  return url.href;
}

function offline(what: string): HubError {
  return new HubError("ERR_HUB_UNREACHABLE", `HF_HUB_OFFLINE is set, and ${what} is not in the cache: unset it.`);
}
