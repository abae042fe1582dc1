/**
 * HTTP(S)_PROXY and NO_PROXY: Node's own fetch ignores them (before Node 24). undici is loaded only where a proxy is set, and the
 * application's own fetch stays as it is.
 */
import { BlockList, isIP } from "node:net";
import { HubError, InvalidInputError } from "../errors.ts";
import { TransientError } from "./retry.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy, and the variable that names it. */
export interface HttpProxy {
  readonly address: URL;
  readonly variable: string;
  /** "HOST:PORT (HTTPS_PROXY)": without a password. */
  readonly name: string;
}

/** Names, the one that counts first; https falls back to http's, as in undici. */
const VARIABLES = {
  "https:": ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"],
  "http:": ["http_proxy", "HTTP_PROXY"],
} as const;

/**
 * The proxy for an address; undefined if it is reached directly.
 *
 * @throws InvalidInputError for a variable that names no HTTP proxy
 */
export function proxyFor(url: URL, environment: Environment = process.env): HttpProxy | undefined {
  const variables = VARIABLES[url.protocol as keyof typeof VARIABLES] ?? [];
  const variable = variables.find((name) => environment[name] !== undefined);
  const text = variable === undefined ? "" : (environment[variable] as string).trim();
  // An empty variable switches a proxy off.
  if (variable === undefined || text === "" || isDirect(url, environment)) return undefined;
  // Without a scheme, as curl allows.
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const address = URL.canParse(full) ? new URL(full) : undefined;
  if (address === undefined || !/^https?:$/.test(address.protocol) || address.hostname === "")
    // The value may hold a password.
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `Expected the address of an HTTP proxy, such as http://proxy.example:3128, for ${variable}` +
        `${address === undefined ? "" : ` but received one that begins with ${address.protocol}//`}.`,
      { field: variable },
    );
  const port = address.port || (address.protocol === "https:" ? "443" : "80");
  return { address, variable, name: `${address.hostname}:${port} (${variable})` };
}

/**
 * Whether NO_PROXY lists the host: names, which hold for what is below them too, with or without a leading "." or "*."; IP
 * addresses and networks; each with or without a port; or "*".
 */
function isDirect({ protocol, hostname, port: given }: URL, environment: Environment): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = given || (protocol === "https:" ? "443" : "80");
  const list = environment["no_proxy"] ?? environment["NO_PROXY"] ?? "";
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, bracketed, plain, wanted] = /^(?:\[([^\]]*)\]|(.*?))(?::(\d+))?$/.exec(entry) ?? [];
      // An IPv6 address without brackets has colons of its own.
      const name = isIP(entry) === 6 ? entry : (bracketed ?? plain ?? "");
      if (isIP(entry) !== 6 && wanted !== undefined && wanted !== port) return false;
      if (name === "*") return true;
      const suffix = name.replace(/^\*?\./, "");
      return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`) || isInNetwork(host, name));
    });
}

function isInNetwork(host: string, entry: string): boolean {
  const [network = "", bits = "", more] = entry.split("/");
  const [kind, hostKind] = [isIP(network), isIP(host)];
  const length = Number(bits);
  if (kind === 0 || kind !== hostKind || more !== undefined || !/^\d+$/.test(bits)) return false;
  if (length > (kind === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const family = kind === 4 ? "ipv4" : "ipv6";
  list.addSubnet(network, length, family);
  return list.check(host, family);
}

/** By address: connections to a proxy are kept and used again. */
const fetches = new Map<string, Promise<typeof fetch>>();

/** fetch, by this proxy or directly. */
export function fetchThrough(proxy: HttpProxy | undefined): typeof fetch | Promise<typeof fetch> {
  if (proxy === undefined) return fetch;
  const { href } = proxy.address;
  const known = fetches.get(href) ?? makeFetch(proxy.address);
  fetches.set(href, known);
  return known;
}

async function makeFetch(address: URL): Promise<typeof fetch> {
  const undici = await import("undici");
  const { username, password } = address;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === "" ? {} : { token: `Basic ${Buffer.from(pair).toString("base64")}` };
  const uri = new URL(address);
  [uri.username, uri.password] = ["", ""];
  // http addresses are asked of the proxy itself; many proxies tunnel to port 443 only.
  const dispatcher = new undici.ProxyAgent({ uri: uri.href, proxyTunnel: false, ...authorization });
  const through = undici.fetch as unknown as typeof fetch;
  return (input, init) => through(input, { ...init, ...({ dispatcher } as object) });
}

/** Codes of a proxy that was not reached. */
const UNREACHED = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT"];
const UNAUTHORISED = 407;

/** What a failed request through a proxy means; undefined if the proxy is not to blame. */
export function proxyFailure(error: unknown, proxy: HttpProxy, host: string): TransientError | undefined {
  const { name, variable, address } = proxy;
  const status = statusOf(error);
  const final = (message: string) => new HubError("ERR_HUB_UNREACHABLE", message, { cause: error });
  if (status === UNAUTHORISED) {
    const example = `${variable}=${address.protocol}//USER:PASSWORD@${address.host}`;
    const what =
      address.username === "" ? "asks for a user name and a password" : "does not accept the user name and password";
    return new TransientError(final(`The proxy ${name} ${what}: set ${example}.`), { permanent: true });
  }
  if (status !== undefined)
    return new TransientError(
      final(
        `The proxy ${name} refuses the connection to ${host} (status ${status}): ask who runs it, or list ${host} in NO_PROXY.`,
      ),
      { permanent: status < 500 },
    );
  const code = codeOf(error);
  if (code === undefined || !UNREACHED.includes(code)) return undefined;
  return new TransientError(
    final(`The proxy ${name} cannot be reached (${code}): correct ${variable}, or list ${host} in NO_PROXY.`),
    { permanent: true },
  );
}

/** undici has the status of a refusal in the text of an error only. */
function statusOf(error: unknown): number | undefined {
  for (const { message } of causes(error)) {
    const [, status] =
      /^Proxy response \((\d+)\)/.exec(message) ?? /^Proxy Authentication Required \((407)\)/.exec(message) ?? [];
    if (status !== undefined) return Number(status);
  }
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  for (const { code } of causes(error) as NodeJS.ErrnoException[])
    if (code !== undefined && UNREACHED.includes(code)) return code;
  return undefined;
}

/** An error, its causes, and the errors that it sums up. */
function causes(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const inner = error instanceof AggregateError ? error.errors : [];
  return [error, ...[...inner, error.cause].flatMap((cause) => causes(cause, depth + 1))];
}
