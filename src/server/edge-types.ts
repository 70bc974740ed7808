import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import type { Authenticator, Principal, Sessions } from "../accounts/index.ts";
import type { Clock, IdSource, Logger, MarketScope } from "../core/index.ts";
import type { ProtocolTable } from "../protocols/index.ts";
import type { Load, ShedReason } from "./http/in-flight.ts";
import type { RouteTable } from "./route-table.ts";

export interface EdgeSettings {
  readonly authEnabled: boolean;
  /** Where requests may go beside this gateway's own providers if auth is off. */
  readonly keylessScope?: MarketScope;
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
  /** Answers a request that a server of the host program has received (HTTP/1.1). Nobody may have read its body. */
  serve(request: IncomingMessage, response: ServerResponse): void;
  /** Answers bytes on such a server that are no request, as the server of the gateway does. */
  readonly refuseBroken: (error: NodeJS.ErrnoException, socket: Socket) => void;
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
