/**
 * Which Host and Origin a request may have. A page in a browser can send requests to loopback addresses, with an Origin of its own,
 * or under a name of its own that it made resolve to one (DNS rebinding). A page cannot choose its Origin, nor a Host that is not its
 * own name.
 */
import { isIP } from "node:net";

/** Whether what listens at this address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  const host = bare(address);
  if (isIP(host) === 4) return host.startsWith("127.");
  if (isIP(host) === 6) return host === "::1" || /^::ffff:127\./i.test(host);
  return isLocalhost(host);
}

/** RFC 6761: browsers resolve these themselves, to loopback. */
function isLocalhost(name: string): boolean {
  const plain = name.toLowerCase().replace(/\.$/, "");
  return plain === "localhost" || plain.endsWith(".localhost");
}

/**
 * Whether nobody can have made this Host their own: an address, localhost, or a name that the server's owner allowed.
 *
 * @param host the header's value, with or without a port
 */
export function isTrustedHost(host: string, allowed: readonly string[]): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  if (isIP(bare(name)) !== 0 || isLocalhost(name)) return true;
  return allowed.some((other) => hostName(other) === name || other.toLowerCase() === host.toLowerCase());
}

/**
 * Whether a request with this Origin comes from a page of this server, or of one that the owner allowed.
 *
 * @param allowed origins (`https://app.example`), or "*" for all
 */
export function isTrustedOrigin(origin: string, host: string | undefined, allowed: readonly string[]): boolean {
  if (isAllowedOrigin(origin, allowed)) return true;
  if (!URL.canParse(origin) || host === undefined) return false;
  // The scheme may differ: a proxy in front may speak TLS. It leaves out the scheme's own port, as browsers do.
  const { host: from, protocol } = new URL(origin);
  return /^https?:$/.test(protocol) && from === host.toLowerCase().replace(/^(.*[^:\]]):(?:80|443)$/, "$1");
}

/** Whether the owner allowed pages of this origin. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  return allowed.some((other) => other === "*" || other.toLowerCase() === origin.toLowerCase());
}

/** Lower case, without port; undefined for what is not a host. */
function hostName(host: string): string | undefined {
  const [, name] = /^(\[[0-9a-f:.]+\]|[^\s:/@?#[\]]+)(?::\d{1,5})?$/i.exec(host) ?? [];
  return name?.toLowerCase().replace(/\.$/, "");
}

function bare(address: string): string {
  return address.replace(/^\[(.*)\]$/, "$1");
}
