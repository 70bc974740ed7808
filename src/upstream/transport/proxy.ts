import { isIP } from "node:net";

/** `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`; their lower-case forms take precedence. Usually `process.env`. */
export type ProxyEnv = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for connections to a URL, or `undefined` for none. There is never a proxy for this machine itself, as a proxy could not reach a local
 * server. `NO_PROXY` is a list, separated by commas or spaces, of `*`, host names (with all names under them) and addresses, each with an optional
 * port.
 */
export function proxyFor(url: URL, env: ProxyEnv): string | undefined {
  const secure = url.protocol === "https:";
  const proxy = secure ? read(env, "https_proxy") : read(env, "http_proxy");
  if (proxy === undefined) return undefined;
  const host = plainHost(url.hostname);
  if (host === "localhost" || host.endsWith(".localhost") || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")))
    return undefined;
  const port = portOf(url);
  const exceptions = (read(env, "no_proxy") ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  if (exceptions.some((entry) => isException(entry, host, port))) return undefined;
  // Many users write `proxy.example:3128`, without a scheme.
  return /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

function read(env: ProxyEnv, name: string): string | undefined {
  const value = env[name] ?? env[name.toUpperCase()];
  return value === undefined || value.trim() === "" ? undefined : value.trim();
}

function isException(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  // `host:port` and `[v6]:port`; a bare IPv6 address has colons of its own.
  const withPort = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(entry);
  if (withPort !== null && withPort[3] !== port) return false;
  const name = plainHost((withPort?.[1] ?? withPort?.[2] ?? entry).replace(/^\*?\./, ""));
  return host === name || (isIP(name) === 0 && host.endsWith(`.${name}`));
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

/** The port of a URL, the scheme's own if it names none. */
export function portOf(url: URL): string {
  if (url.port !== "") return url.port;
  return url.protocol === "https:" ? "443" : "80";
}
