import { GatewayError, hasEscapedGatewayKey } from "../core/index.ts";
import type { ProtocolId } from "../ir/index.ts";
import type { Principal } from "../accounts/index.ts";
import type { HttpExchange } from "./http/exchange.ts";
import { canonicalPath } from "./http/base-url.ts";
import { EdgeError } from "./http/refusal.ts";

/**
 * The access to a route. `public`: every caller. `user`: any valid key. `admin`: an admin's key. `loopback-or-admin`: every program on this machine, and
 * an admin's key. `control`: only the control socket.
 */
export type Access = "public" | "user" | "admin" | "loopback-or-admin" | "control";

export interface RouteContext {
  /** The caller; on public routes an admin with a key, or nobody. */
  readonly principal: Principal;
  /** The path's parameter, decoded; "" if the route has none. */
  readonly param: string;
  /** The query string without `?` and without credentials. */
  readonly query: string;
  /** On public routes: whether a program on this machine calls, for itself, so that internals may be shown. */
  readonly isLocal: boolean;
}

/** A row of the one route table. A path that is not in it does not exist. */
export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "DELETE";
  /** A literal, or with one `{parameter}`; see `RouteSpec`. */
  readonly path: string;
  readonly access: Access;
  /** Also served under a base URL that is a little wrong; see `canonicalPath`. */
  readonly anyBase?: boolean;
  /** The dialect that errors of this route speak. */
  readonly dialect: ProtocolId | ((rawHeaders: readonly string[]) => ProtocolId);
  handle(exchange: HttpExchange, context: RouteContext): void | Promise<void>;
}

export interface RouteMatch {
  readonly route: Route;
  readonly param: string;
}

export interface RouteTable {
  readonly routes: readonly Route[];
  /** Whether a route has just this path, without a parameter: such a path needs no check. */
  isLiteral(path: string): boolean;
  /** `undefined`: no such path. @throws GatewayError `method_not_allowed`, `invalid_path`. */
  match(method: string, path: string): RouteMatch | undefined;
}

interface Pattern {
  /** By method. */
  readonly routes: Map<string, Route>;
  readonly prefix: string;
  readonly suffix: string;
  readonly greedy: boolean;
}

/** @throws Error for two routes with one method and path. */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const literals = new Map<string, Map<string, Route>>();
  const patternOf = new Map<string, Pattern>();
  for (const route of routes) {
    const methods = route.path.includes("{") ? methodsOfPattern(patternOf, route.path) : methodsOf(literals, route.path);
    if (methods.has(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
    methods.set(route.method, route);
  }
  // The longest literal text wins: `/v1/responses/{id}/cancel` before `/v1/responses/{id}`.
  const patterns = [...patternOf.values()].sort((a, b) => b.prefix.length + b.suffix.length - (a.prefix.length + a.suffix.length));
  function find(method: string, path: string): RouteMatch | undefined {
    const methods = literals.get(path);
    const literal = methods?.get(method);
    if (literal !== undefined) return { route: literal, param: "" };
    const allowed = new Set(methods?.keys());
    for (const pattern of patterns) {
      const param = paramOf(pattern, path);
      if (param === undefined) continue;
      const route = pattern.routes.get(method);
      if (route !== undefined) return { route, param: decodeParam(param, pattern.greedy) };
      // `models/x:verb` with a verb that no route has is another path, not `models/{model}` with the wrong method.
      if (method === "POST" && pattern.greedy && param.includes(":")) continue;
      for (const other of pattern.routes.keys()) allowed.add(other);
    }
    if (allowed.size === 0) return undefined;
    const methodsAllowed = [...allowed];
    throw new EdgeError("method_not_allowed", `${method} is not a method of ${shownPath(path)}. Use ${methodsAllowed.join(" or ")}.`, [
      "allow",
      methodsAllowed.join(", "),
    ]);
  }
  return {
    routes,
    isLiteral: (path) => literals.has(path),
    match(method, path) {
      const found = find(method, path);
      if (found !== undefined) return found;
      // The same route, with the same access: a wrong base URL gives no further rights.
      const canonical = canonicalPath(path);
      const meant = canonical === undefined ? undefined : find(method, canonical);
      return meant?.route.anyBase === true ? meant : undefined;
    },
  };
}

function methodsOf(literals: Map<string, Map<string, Route>>, path: string): Map<string, Route> {
  const known = literals.get(path);
  if (known !== undefined) return known;
  const methods = new Map<string, Route>();
  literals.set(path, methods);
  return methods;
}

function methodsOfPattern(patterns: Map<string, Pattern>, path: string): Map<string, Route> {
  const open = path.indexOf("{");
  const close = path.indexOf("}");
  const greedy = path.slice(open, close + 1) === "{model}";
  const [prefix, suffix] = [path.slice(0, open), path.slice(close + 1)];
  const key = `${prefix}{${greedy ? "model" : "id"}}${suffix}`;
  let pattern = patterns.get(key);
  if (pattern === undefined) {
    pattern = { routes: new Map(), prefix, suffix, greedy };
    patterns.set(key, pattern);
  }
  return pattern.routes;
}

function paramOf(pattern: Pattern, path: string): string | undefined {
  const { prefix, suffix, greedy } = pattern;
  if (path.length <= prefix.length + suffix.length || !path.startsWith(prefix) || !path.endsWith(suffix)) return undefined;
  const param = path.slice(prefix.length, path.length - suffix.length);
  return greedy || !param.includes("/") ? param : undefined;
}

/** @throws GatewayError `invalid_path` if the decoded parameter would be another path. */
function decodeParam(param: string, greedy: boolean): string {
  if (!param.includes("%")) return param;
  let decoded: string;
  try {
    decoded = decodeURIComponent(param);
  } catch {
    throw new GatewayError("invalid_path", "The path holds a broken percent escape.");
  }
  const segments = decoded.split("/");
  if (
    /[\p{Cc}\\]/u.test(decoded) ||
    (segments.length > 1 && !greedy) ||
    segments.some((segment) => segment === "." || segment === ".." || segment === "")
  ) {
    throw new GatewayError("invalid_path", "The path is ambiguous when its percent escapes are decoded. Send it in plain form.");
  }
  return decoded;
}

/**
 * Checks a request target and its path (the part before `?`): a path in one spelling only.
 * @throws GatewayError `invalid_path` for empty, `.` or `..` segments, backslashes, fragments, bytes outside ASCII and absolute targets.
 */
export function checkTarget(target: string, path: string): void {
  if (!path.startsWith("/")) throw new GatewayError("invalid_path", "The request target must be a path that begins with a slash.");
  if (/[^\x21\x22\x24-\x7e]/.test(target))
    throw new GatewayError("invalid_path", "The request target must be printable ASCII without a fragment. Percent-encode the rest.");
  if (path.includes("//")) {
    throw new GatewayError(
      "invalid_path",
      "The path has an empty segment (two slashes in a row). Check the base URL for a slash too many.",
    );
  }
  if (path.includes("/.") && /\/\.{1,2}(?:\/|$)/.test(path)) throw new GatewayError("invalid_path", "The path must not hold dot segments.");
  if (path.includes("\\")) throw new GatewayError("invalid_path", "The path must not hold backslashes.");
}

/** A path for a message: shortened, and omitted if it contains a key of the gateway. */
export function shownPath(path: string): string {
  return hasEscapedGatewayKey(path) ? "[a path with an API key]" : path.slice(0, 200);
}
