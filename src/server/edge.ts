import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Authenticator, Principal, Sessions } from "../accounts/index.ts";
import { GatewayError, systemSchedule, type Clock, type IdSource, type Logger } from "../core/index.ts";
import { asGatewayError } from "../gateway/index.ts";
import type { ProtocolId } from "../ir/index.ts";
import type { Protocol, ProtocolTable } from "../protocols/index.ts";
import { nameBaseUrls, withoutApiVersion } from "./http/base-url.ts";
import { ownFramingWorks } from "./http/chunk-framing.ts";
import { underWayOn } from "./http/connection.ts";
import { readCredential, takeQueryKey } from "./http/credentials.ts";
import { BodyBudget, type BodyBudgetLimits } from "./http/body-budget.ts";
import { HttpExchange } from "./http/exchange.ts";
import { authenticateSession } from "./http/session-caller.ts";
import { IdleSweep } from "./http/idle-sweep.ts";
import { InFlight, type Load, type ShedReason } from "./http/in-flight.ts";
import { createListeners } from "./http/listeners.ts";
import { checkHost, guardOrigin, isLocalCaller, preflight } from "./http/origin.ts";
import { checkHead, errorOfBroken } from "./http/check-head.ts";
import { EdgeError, endRaw, errorHeaders } from "./http/refusal.ts";
import { checkTarget, shownPath, type Access, type Route, type RouteContext, type RouteTable } from "./route-table.ts";
import { defaultDialect } from "../protocols/index.ts";
import { dialectOfPath } from "./http/dialect-of-path.ts";

export interface EdgeSettings {
  readonly authEnabled: boolean;
  /** Whether a program on this machine may read, without a key, what needs an admin's key otherwise: the metrics. */
  readonly trustLoopback: boolean;
  readonly maxBodyBytes: number;
  /** The most bytes of bodies of all active requests; one key may use half of it. */
  readonly maxBodyBytesInFlight: number;
  readonly maxConnections: number;
  /** Model requests that are served at a time; `undefined`: no limit. */
  readonly maxInFlight: number | undefined;
  /** A connection is cut off if a head is not complete, or a body makes no progress, in this time. */
  readonly slowClientMs: number;
  /** Origins that web pages may call from; none by default. */
  readonly cors: readonly string[];
  /** Where browsers reach the gateway, if it is configured. */
  readonly publicOrigin?: string | undefined;
}

export interface EdgeDeps {
  readonly routes: RouteTable;
  readonly protocols: ProtocolTable;
  readonly accounts: Authenticator;
  /** Who the cookie of a browser's session belongs to; if omitted, only keys are accepted. */
  readonly sessions?: Pick<Sessions, "authenticate">;
  readonly settings: () => EdgeSettings;
  /** What the process can serve, whatever the settings are. */
  readonly mostConnections?: number;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** The edge has refused a request: 401, 403, 404 and the like have no row in the ledger, but are counted. */
  readonly onRefused: (code: string) => void;
  /** How much of the new work is refused, as the process is in trouble; none if omitted. */
  readonly load?: Load;
  /** The caller of all requests on the control socket: the operating system has checked who it is. */
  readonly trusted?: Principal;
}

/** The HTTP edge: finds the route, finds out who calls, and hands the exchange on. */
export interface Edge {
  /**
   * Listens; `localhost` means 127.0.0.1 and ::1. @returns the port.
   * @throws what the socket throws (EADDRINUSE, EACCES); an Error if authentication is off and the host is not loopback.
   */
  listen(host: string, port: number): Promise<number>;
  /** Listens on a socket's path (a named pipe on Windows). */
  listenPath(path: string): Promise<void>;
  /** Serves the sockets that another process listens on. They were sent to this process over its IPC channel. @returns the port. @throws as `listen` does. */
  share(host: string, sockets: readonly Server[]): Promise<number>;
  /** The sockets that are listened on, to send them to another process. */
  readonly sockets: readonly Server[];
  /** Serves a connection that another process has accepted, and nothing has been read from. */
  adopt(socket: Socket): void;
  /**
   * Accepts no new connections, and resolves when the last answer has ended. After `graceMs` it refuses requests whose body is still on its way, calls
   * `onGraceOver`, and cuts the rest. If it is called again, the shorter grace counts.
   * `lingerMs`: idle connections are closed after that time of silence; at once if omitted, and a client that sends its next request just then loses it.
   */
  close(graceMs: number, onGraceOver?: () => void, lingerMs?: number): Promise<void>;
  /** The present values of the edge's metrics. */
  gauges(): EdgeGauges;
  /** Model requests that were refused as the gateway had too much to do, by the reason. */
  shed(): Readonly<Record<ShedReason, number>>;
}

/** By their names in the metrics. */
export type EdgeGauges = {
  readonly open_connections: number;
  /** Bytes of the bodies of active requests, which `gateway.limits.bodies_in_flight` limits. */
  readonly body_bytes_in_flight: number;
  /** Model requests that are served, and those that wait for a place. */
  readonly in_flight: number;
  readonly in_flight_waiting: number;
};

/** The caller if authentication is off. */
export const localPrincipal: Principal = { userId: "local", username: "local", keyId: "", role: "admin", hasCache: true };
const nobody: Principal = { userId: "", username: "", keyId: "", role: "user" };

const noLoad: Load = { share: 0, reason: "event_loop" };

/** The connection of a client that does not read the end of its answer is closed after this time. */
const flushIdleMs = 120_000;

// A factory: its functions share the route table and the active requests.
// oxlint-disable-next-line max-lines-per-function
export function createEdge(deps: EdgeDeps): Edge {
  let draining = false;
  let lingering = false;
  let settings = deps.settings();
  const options = {
    limits: limitsOf(settings),
    ownFraming: ownFramingWorks(),
    sweep: new IdleSweep(() => settings.slowClientMs),
    budget: new BodyBudget(() => bodyBudgetOf(settings)),
    inFlight: new InFlight({
      maxInFlight: () => settings.maxInFlight,
      load: deps.load ?? noLoad,
      random: Math.random,
      now: () => deps.clock.monotonic(),
      schedule: systemSchedule,
    }),
    draining: () => draining,
    lingering: () => lingering,
    flushIdleMs,
  };
  const listeners = createListeners({
    onRequest,
    onBroken,
    onConnect,
    onCrowded,
    // The control socket has no limit: an operator needs it most when the gateway has too many connections.
    maxConnections: () =>
      deps.trusted === undefined ? Math.min(deps.settings().maxConnections, deps.mostConnections ?? Infinity) : Infinity,
    headMs: () => deps.settings().slowClientMs,
    logger: deps.logger,
  });

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (refused.has(request.socket)) return;
    const current = deps.settings();
    if (current !== settings) {
      settings = current;
      options.limits = limitsOf(current);
    }
    const exchange = new HttpExchange(request, response, deps.ids.next("req"), deps.clock.monotonic(), options);
    const target = request.url ?? "";
    const mark = target.indexOf("?");
    const path = mark < 0 ? target : target.slice(0, mark);
    let route: Route | undefined;
    const refuse = (thrown: unknown): void => {
      const error = asGatewayError(thrown, deps, exchange.requestId);
      deps.onRefused(error.code);
      const dialect = route === undefined ? dialectOfPath(path, deps.protocols) : dialectOf(route, exchange);
      sendError(exchange, deps.protocols.get(dialect)!, error);
    };
    try {
      if (mark >= 0 || !deps.routes.isLiteral(path)) checkTarget(target, path);
      checkHead(request);
      if (deps.trusted === undefined) {
        if (request.method === "OPTIONS" && preflight(exchange, request, current.cors)) return;
        guardOrigin(exchange, request, current);
      }
      const found = deps.routes.match(request.method ?? "", path);
      if (found === undefined) {
        throw new GatewayError("not_found", `There is no ${request.method ?? ""} ${shownPath(path)} here. ${nameBaseUrls(request)}`);
      }
      const { route: matched, param } = found;
      route = matched;
      const { query: sent, key } = takeQueryKey(mark < 0 ? "" : target.slice(mark + 1));
      const query = sent === "" ? sent : withoutApiVersion(path, sent);
      const principal = authorize(matched, request, key, current);
      const isLocal = matched.access === "public" && isLocalCaller(request, current);
      const done =
        principal instanceof Promise
          ? principal.then((who) => handle(matched, exchange, { principal: who, param, query, isLocal }))
          : handle(matched, exchange, { principal, param, query, isLocal });
      if (done !== undefined) done.catch(refuse);
    } catch (error) {
      refuse(error);
    }
  }

  /** Deny by default: a route that is not public needs a key, and an admin's route an admin's key. */
  function authorize(
    { access, path }: Route,
    request: IncomingMessage,
    queryKey: string | undefined,
    settings: EdgeSettings,
  ): Principal | Promise<Principal> {
    if (deps.trusted !== undefined) return deps.trusted;
    if (access === "control") throw new GatewayError("not_found", "There is no such path here.");
    if (access === "public") return identifyAdmin(request, queryKey, settings);
    if (!settings.authEnabled) return localPrincipal;
    const key = readCredential(request.rawHeaders, queryKey);
    if (key === undefined) {
      const session = authenticateSession(deps.sessions, path, request.headers, settings.publicOrigin);
      if (session !== undefined) return session.then((who) => admit(access, who));
      if (access === "loopback-or-admin" && isLocalCaller(request, settings)) return nobody;
      throw new GatewayError(
        "missing_api_key",
        "No API key was sent. Send one as `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`.",
      );
    }
    const found = deps.accounts.authenticate(key);
    return found instanceof Promise ? found.then((who) => admit(access, who)) : admit(access, found);
  }

  /** A public route is open to all, whatever key they send; it may show more to an admin. Callers on this machine see that without a key. */
  function identifyAdmin(request: IncomingMessage, queryKey: string | undefined, settings: EdgeSettings): Principal | Promise<Principal> {
    try {
      const key = isLocalCaller(request, settings) ? undefined : readCredential(request.rawHeaders, queryKey);
      if (key === undefined) return nobody;
      const found = deps.accounts.authenticate(key);
      return found instanceof Promise ? found.then(adminOrNobody, () => nobody) : adminOrNobody(found);
    } catch {
      // Two keys that differ, or accounts that cannot be read.
      return nobody;
    }
  }

  function admit(access: Access, principal: Principal | undefined): Principal {
    if (principal === undefined) {
      throw new GatewayError(
        "invalid_api_key",
        "The API key is not known here, or has been revoked. `tokligence apikey create` makes a new one.",
      );
    }
    if (access !== "user" && principal.role !== "admin") throw new GatewayError("admin_required", "This needs an admin's key.");
    return principal;
  }

  function onConnect(socket: Duplex): void {
    refuseRaw(
      socket,
      new EdgeError("method_not_allowed", "CONNECT is not served: this is no forward proxy.", ["allow", "GET, POST, DELETE"]),
    );
  }

  /** Sockets that have been refused: what they send afterwards is ignored. */
  const refused = new WeakSet<Duplex>();

  function onCrowded(socket: Socket): void {
    refuseRaw(
      socket,
      new GatewayError(
        "overloaded",
        "Too many connections are open (gateway.limits.connections, or the limit of open files). Try again soon.",
        {
          retryAfterSeconds: 5,
        },
      ),
    );
  }

  function onBroken(error: NodeJS.ErrnoException, socket: Socket): void {
    if (refused.has(socket)) return;
    // Something behind the last request of the connection: it is not read, and the connection is closed with that request's answer.
    if (error.code === "HPE_CLOSED_CONNECTION") return;
    const exchange = underWayOn(socket);
    // Do not write: the client has gone, or an answer may be under way, and our bytes would corrupt it.
    if (
      error.code === "ECONNRESET" ||
      !socket.writable ||
      exchange?.answered === true ||
      exchange?.queued === true ||
      exchange?.bodyPending === false
    ) {
      socket.destroy();
      return;
    }
    refuseRaw(socket, errorOfBroken(error));
  }

  function refuseRaw(socket: Duplex, error: GatewayError): void {
    refused.add(socket);
    deps.onRefused(error.code);
    endRaw(socket, deps.protocols.get(defaultDialect)!, error, deps.ids.next("req"));
  }

  return {
    async listen(host, port) {
      checkHost(host, deps.settings().authEnabled);
      return await listeners.listen(host, port);
    },
    listenPath: (path) => listeners.listenPath(path),
    async share(host, sockets) {
      checkHost(host, deps.settings().authEnabled);
      return await listeners.share(sockets);
    },
    get sockets() {
      return listeners.sockets;
    },
    adopt: (socket) => {
      listeners.adopt(socket);
    },
    gauges: () => ({
      open_connections: listeners.openCount,
      body_bytes_in_flight: options.budget.bufferedBytes,
      in_flight: options.inFlight.count,
      in_flight_waiting: options.inFlight.waiting,
    }),
    shed: () => options.inFlight.shed,
    close(graceMs, onGraceOver, lingerMs) {
      if (!draining) lingering = lingerMs !== undefined;
      draining = true;
      const onOver = (): void => {
        options.sweep.shutDown();
        onGraceOver?.();
      };
      return listeners.close({ graceMs, lingerMs, onGraceOver: onOver });
    },
  };
}

function handle(route: Route, exchange: HttpExchange, call: RouteContext): void | Promise<void> {
  exchange.keyId = call.principal.keyId;
  return route.handle(exchange, call);
}

function adminOrNobody(principal: Principal | undefined): Principal {
  return principal?.role === "admin" ? principal : nobody;
}

function bodyBudgetOf({ maxBodyBytes, maxBodyBytesInFlight }: EdgeSettings): BodyBudgetLimits {
  // A single body of the largest size always fits.
  return {
    totalBytes: Math.max(maxBodyBytes, maxBodyBytesInFlight),
    keyBytes: Math.max(maxBodyBytes, Math.floor(maxBodyBytesInFlight / 2)),
  };
}

function limitsOf(settings: EdgeSettings): { readonly maxBytes: number; readonly idleMs: number } {
  return { maxBytes: settings.maxBodyBytes, idleMs: settings.slowClientMs };
}

/** Answers a refused request, unless it has its answer already. If a stream has begun, the exchange drops the connection. */
function sendError(exchange: HttpExchange, protocol: Protocol, error: GatewayError): void {
  const { status, body } = protocol.renderError(error, exchange.requestId);
  exchange.json(status, errorHeaders(error, status), body);
}

function dialectOf(route: Route, exchange: HttpExchange): ProtocolId {
  return typeof route.dialect === "string" ? route.dialect : route.dialect(exchange.rawHeaders);
}
