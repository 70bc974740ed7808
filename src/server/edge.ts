import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Principal } from "../accounts/index.ts";
import { GatewayError, marketScopes, shuttingDown, systemSchedule, type MarketScope } from "../core/index.ts";
import { asGatewayError } from "../gateway/index.ts";
import type { ProtocolId } from "../ir/index.ts";
import type { Protocol } from "../protocols/index.ts";
import type { Edge, EdgeDeps, EdgeSettings } from "./edge-types.ts";
import { cutPath, nameBaseUrls, withoutApiVersion } from "./http/base-url.ts";
import { ownFramingWorks } from "./http/chunk-framing.ts";
import { underWayOn } from "./http/connection.ts";
import { readCredential, takeQueryKey } from "./http/credentials.ts";
import { BodyBudget, type BodyBudgetLimits } from "./http/body-budget.ts";
import { HttpExchange } from "./http/exchange.ts";
import { authenticateSession } from "./http/session-caller.ts";
import { IdleSweep } from "./http/idle-sweep.ts";
import { HostedRequests } from "./http/hosted-requests.ts";
import { InFlight, type Load } from "./http/in-flight.ts";
import { createListeners } from "./http/listeners.ts";
import { checkHost, guardOrigin, isLocalCaller, preflight } from "./http/origin.ts";
import { checkHead, errorOfBroken } from "./http/check-head.ts";
import { bodyWasRead, EdgeError, endRaw, errorHeaders } from "./http/refusal.ts";
import { checkTarget, shownPath, type Access, type Route, type RouteContext } from "./route-table.ts";
import { defaultDialect } from "../protocols/index.ts";
import { dialectOfPath } from "./http/dialect-of-path.ts";

/** The caller if authentication is off. */
export const localPrincipal: Principal = { userId: "local", username: "local", keyId: "", role: "admin", hasCache: true };
const localByScope = Object.fromEntries(marketScopes.map((market) => [market, { ...localPrincipal, market }])) as Readonly<
  Record<MarketScope, Principal>
>;
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
  const hosted = new HostedRequests();
  /** The connections belong to the host program, which closes them itself. */
  const hostedOptions = { ...options, draining: () => false };
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
    if (!refused.has(request.socket)) answer(request, response, options);
  }

  function answer(request: IncomingMessage, response: ServerResponse, shared: typeof options): void {
    const current = deps.settings();
    if (current !== settings) {
      settings = current;
      options.limits = hostedOptions.limits = limitsOf(current);
    }
    const exchange = new HttpExchange(request, response, deps.ids.next("req"), deps.clock.monotonic(), shared);
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
      if (shared === hostedOptions) checkHosted(request, draining);
      if (mark >= 0 || !deps.routes.isLiteral(path)) checkTarget(target, path);
      checkHead(request);
      if (deps.trusted === undefined) {
        if (request.method === "OPTIONS" && preflight(exchange, request, current.cors)) return;
        guardOrigin(exchange, request, current);
      }
      const found = deps.routes.match(request.method ?? "", path);
      if (found === undefined) {
        const called = shownPath(cutPath(request) + path);
        throw new GatewayError("not_found", `There is no ${request.method ?? ""} ${called} here. ${nameBaseUrls(request)}`);
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
    if (!settings.authEnabled) return settings.keylessScope === undefined ? localPrincipal : localByScope[settings.keylessScope];
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
    serve(request, response) {
      if (!draining) hosted.add(response);
      answer(request, response, hostedOptions);
    },
    refuseBroken: onBroken,
    gauges: () => ({
      open_connections: listeners.openCount,
      body_bytes_in_flight: options.budget.bufferedBytes,
      in_flight: options.inFlight.count,
      in_flight_waiting: options.inFlight.waiting,
    }),
    shed: () => options.inFlight.shed,
    async close(graceMs, onGraceOver, lingerMs) {
      if (!draining) lingering = lingerMs !== undefined;
      draining = true;
      const onOver = (): void => {
        options.sweep.shutDown();
        onGraceOver?.();
      };
      await Promise.all([listeners.close({ graceMs, lingerMs, onGraceOver: onOver }), hosted.close(graceMs, onOver)]);
    },
  };
}

function handle(route: Route, exchange: HttpExchange, call: RouteContext): void | Promise<void> {
  exchange.keyId = call.principal.keyId;
  return route.handle(exchange, call);
}

/** @throws GatewayError if the gateway was closed, or a part of the host program has read the body. */
function checkHosted(request: IncomingMessage, draining: boolean): void {
  if (draining) throw shuttingDown();
  const { "transfer-encoding": coding, "content-length": length = "0" } = request.headers;
  if (!request.readableDidRead || (coding === undefined && length === "0")) return;
  throw bodyWasRead();
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
