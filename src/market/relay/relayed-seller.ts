import type { ClientHttp2Session } from "node:http2";
import { MarketRefusal } from "../refusal.ts";
import type { Heartbeat } from "./node-http2.ts";
import type { RelaySettings } from "./relay-section.ts";

/** Requests that are served, and short calls beside them: leases, acknowledgements, statements. Each kind has its own places. */
export type CallKind = "served" | "short";

/** Calls of one kind that are being forwarded. */
interface Running {
  served: number;
  short: number;
}

/** Short calls for each request that may be served at a time. */
const shortPerServed = 4;

interface Connection {
  readonly session: ClientHttp2Session;
  readonly heartbeat: Heartbeat;
  active: number;
}

export interface Caller {
  readonly node: string;
  /** It is a peer or a member here. */
  readonly isKnown: boolean;
}

/** Connections of one seller. A newer one takes the place of the oldest: the seller may have lost that one already. */
export const mostConnectionsOfSeller = 4;
const hourMs = 3_600_000;
/** Callers are counted by name; those without a call are forgotten beyond this. */
const mostCallers = 1000;

/** A seller that has connected to this relay, and the calls that are forwarded to it. */
export class RelayedSeller {
  readonly node: string;
  readonly name: string;
  #connections: Connection[] = [];
  readonly #settings: () => RelaySettings;
  readonly #now: () => number;
  readonly #callers = new Map<string, Running>();
  readonly #running: Running = { served: 0, short: 0 };
  /** Of callers that this relay does not know. */
  readonly #strangers: Running = { served: 0, short: 0 };
  #hour = 0;
  #hourBytes = 0;

  constructor(node: string, name: string, { settings, now }: { settings: () => RelaySettings; now: () => number }) {
    this.node = node;
    this.name = name;
    this.#settings = settings;
    this.#now = now;
  }

  get connections(): number {
    return this.#connections.length;
  }

  get active(): number {
    return this.#running.served + this.#running.short;
  }

  get sessions(): readonly ClientHttp2Session[] {
    return this.#connections.map(({ session }) => session);
  }

  /** @returns a connection that this one replaces. */
  add(session: ClientHttp2Session, heartbeat: Heartbeat): ClientHttp2Session | undefined {
    this.#connections.push({ session, heartbeat, active: 0 });
    return this.#connections.length > mostConnectionsOfSeller ? this.#connections.shift()?.session : undefined;
  }

  /** No call begins on the connection any more. */
  remove(session: ClientHttp2Session): void {
    this.#connections = this.#connections.filter((one) => one.session !== session);
  }

  beat(): void {
    for (const { heartbeat } of this.#connections) heartbeat.beat();
  }

  /** Takes a place for a call. @throws MarketRefusal */
  take(kind: CallKind, { node: caller, isKnown }: Caller): { readonly session: ClientHttp2Session; readonly release: () => void } {
    const { calls, callsPerCaller, bytesPerHour = Infinity } = this.#settings();
    const connection = this.#free();
    if (connection === undefined) throw new MarketRefusal("unavailable", "The seller is not connected to its relay.");
    const used = this.#callerOf(caller);
    const most = kind === "served" ? 1 : shortPerServed;
    const isFull =
      this.#running[kind] >= calls * most ||
      used[kind] >= callsPerCaller * most ||
      (!isKnown && this.#strangers[kind] >= Math.ceil(calls / 2) * most);
    if (isFull)
      throw new MarketRefusal("too_many_requests", "The relay forwards no more calls to this seller now.", { retry_after_ms: 1000 });
    const hour = this.#currentHour();
    if (this.#hourBytes >= bytesPerHour) {
      const wait = (hour + 1) * hourMs - this.#now();
      throw new MarketRefusal("too_many_requests", "The relay forwards no more bytes of this seller in this hour.", {
        retry_after_ms: wait,
      });
    }
    const count = (change: number): void => {
      connection.active += change;
      this.#running[kind] += change;
      used[kind] += change;
      if (!isKnown) this.#strangers[kind] += change;
    };
    count(1);
    let isReleased = false;
    return {
      session: connection.session,
      release() {
        if (isReleased) return;
        isReleased = true;
        count(-1);
      },
    };
  }

  passed(bytes: number): void {
    this.#currentHour();
    this.#hourBytes += bytes;
  }

  #currentHour(): number {
    const hour = Math.floor(this.#now() / hourMs);
    if (hour !== this.#hour) [this.#hour, this.#hourBytes] = [hour, 0];
    return hour;
  }

  #callerOf(caller: string): Running {
    let used = this.#callers.get(caller);
    if (used === undefined) {
      if (this.#callers.size >= mostCallers)
        for (const [name, { served, short }] of this.#callers) if (served + short === 0) this.#callers.delete(name);
      used = { served: 0, short: 0 };
      this.#callers.set(caller, used);
    }
    return used;
  }

  #free(): Connection | undefined {
    let best: Connection | undefined;
    for (const one of this.#connections) {
      if (one.session.destroyed || one.session.closed) continue;
      if (best === undefined || one.active < best.active) best = one;
    }
    return best;
  }
}
