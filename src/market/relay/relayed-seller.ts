import type { ClientHttp2Session } from "node:http2";
import { MarketRefusal } from "../refusal.ts";
import type { Heartbeat } from "./node-http2.ts";
import type { RelaySettings } from "./relay-section.ts";

interface Connection {
  readonly session: ClientHttp2Session;
  readonly heartbeat: Heartbeat;
  active: number;
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
  readonly #callers = new Map<string, { active: number }>();
  #active = 0;
  /** Calls of callers that this relay does not know. */
  #strangers = 0;
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
    return this.#active;
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

  /** Takes a place for a call. @param isKnown whether the relay knows the caller. @throws MarketRefusal */
  take(caller: string, isKnown: boolean): { readonly session: ClientHttp2Session; readonly release: () => void } {
    const { calls, callsPerCaller, bytesPerHour = Infinity } = this.#settings();
    const connection = this.#free();
    if (connection === undefined) throw new MarketRefusal("unavailable", "The seller is not connected to its relay.");
    const used = this.#callerOf(caller);
    const isFull = this.#active >= calls || used.active >= callsPerCaller || (!isKnown && this.#strangers >= Math.ceil(calls / 2));
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
      this.#active += change;
      used.active += change;
      if (!isKnown) this.#strangers += change;
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

  #callerOf(caller: string): { active: number } {
    let used = this.#callers.get(caller);
    if (used === undefined) {
      if (this.#callers.size >= mostCallers) for (const [name, { active }] of this.#callers) if (active === 0) this.#callers.delete(name);
      used = { active: 0 };
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
