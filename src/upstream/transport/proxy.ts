import { isIP } from "node:net";

/** `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` and their lower-case forms, which win; usually `process.env`. */
export type ProxyEnv = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that connections to a URL go through, or `undefined` for none. Never one for this machine itself: a local server would not be found there.
 * `NO_PROXY` is a list by comma or space of `*`, host names (and all under them), addresses, each with an optional port.
 */
export function proxyFor(url: URL, env: ProxyEnv): string | undefined {
  const secure = url.protocol === "https:";
  const proxy = secure ? read(env, "https_proxy") : read(env, "http_proxy");
  if (proxy === undefined) return undefined;
  const host = plainHost(url.hostname);
  if (host === "localhost" || host.endsWith(".localhost") || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")))
    return undefined;
  const port = url.port === "" ? (secure ? "443" : "80") : url.port;
  const exceptions = (read(env, "no_proxy") ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  if (exceptions.some((entry) => isException(entry, host, port))) return undefined;
  // `proxy.example:3128`, without a scheme, is how many write it.
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
