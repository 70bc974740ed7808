import { everyByTimer, type Every } from "../../core/index.ts";
import type { Carrier } from "../http1/carrier.ts";
import { Connection } from "../http1/connection.ts";
import { Connector, type ConnectorOptions } from "../http1/connector.ts";
import { Departures } from "../http1/departures.ts";
import type { Destination } from "./egress.ts";

/** Idle carriers beyond this number are closed. */
const mostIdle = 512;
const tickMs = 1_000;

/** Makes a carrier that reports when its connection is closed. */
export type CarrierFactory = (onGone: (carrier: Carrier) => void) => Carrier;

/**
 * The connections to one origin, as a stack: the carrier used last is used next, so that unneeded connections become idle and close. A call knows its
 * connection, and a new connection is distinguished from a used one.
 */
export class Channel {
  readonly #idle: Carrier[] = [];
  readonly #all = new Set<Carrier>();
  readonly #make: CarrierFactory;
  readonly #every: Every;
  #stopTicks: (() => void) | undefined;
  #closed = false;

  readonly #onGone = (carrier: Carrier): void => {
    if (!this.#all.delete(carrier)) return;
    const at = this.#idle.indexOf(carrier);
    if (at >= 0) this.#idle.splice(at, 1);
  };

  constructor(make: CarrierFactory, every: Every = everyByTimer) {
    this.#make = make;
    this.#every = every;
  }

  /** A carrier for the caller alone, until it is released or discarded. */
  acquire(): Carrier {
    return this.#idle.pop() ?? this.acquireFresh();
  }

  /** A carrier that opens a new connection. */
  acquireFresh(): Carrier {
    const carrier = this.#make(this.#onGone);
    this.#all.add(carrier);
    return carrier;
  }

  /** The request is over. */
  release(carrier: Carrier): void {
    if (!carrier.isReusable) {
      this.#all.delete(carrier);
    } else if (this.#idle.length < mostIdle && !this.#closed) {
      this.#idle.push(carrier);
      this.#stopTicks ??= this.#every(tickMs, () => {
        this.#tick();
      });
    } else if (this.#all.delete(carrier)) {
      void carrier.close();
    }
  }

  /** Closes the connection at once; a connection that is being opened, as soon as it is open. */
  discard(carrier: Carrier): void {
    this.#all.delete(carrier);
    carrier.destroy();
  }

  /** Closes idle connections now, and the others after their requests; resolves when all are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#idle.length = 0;
    this.#stopTicks?.();
    const open = [...this.#all];
    this.#all.clear();
    await Promise.all(open.map((carrier) => carrier.close()));
  }

  #tick(): void {
    if (this.#idle.length === 0) {
      this.#stopTicks?.();
      this.#stopTicks = undefined;
      return;
    }
    // From the end, as a carrier that closes leaves the list.
    for (let i = this.#idle.length - 1; i >= 0; i--) this.#idle[i]!.tick();
  }
}

/** Connections to the origin itself. */
export function directCarriers(destination: Destination, options: ConnectorOptions): CarrierFactory {
  // One connector for all, so that TLS sessions are resumed.
  const connector = new Connector(destination.origin, options);
  const departures = new Departures();
  const startLines = `host: ${new URL(destination.origin).host}\r\nconnection: keep-alive\r\n`;
  return (onGone) => new Connection({ connector, departures, startLines, onGone });
}
