import { SlotList, type Clock, type GatewayError, type Slotted } from "../core/index.ts";

/** A stream under way, as the registry sees it. */
export interface ActiveStream extends Slotted {
  /** Called now and then: send a keep-alive if the upstream has been silent for long. */
  tick(nowMs: number): void;
  /** The gateway is shutting down: end with this error. */
  terminate(error: GatewayError): void;
}

/** The streams under way: one timer serves all of them, and a shutdown reaches all of them. */
export interface StreamRegistry {
  add(stream: ActiveStream): void;
  delete(stream: ActiveStream): void;
  readonly size: number;
  terminateAll(error: GatewayError): void;
  /** Ends the timer. */
  close(): void;
}

/** @param tickMs how often silent streams are looked at. */
export function createStreamRegistry(clock: Clock, tickMs = 1000): StreamRegistry {
  const streams = new SlotList<ActiveStream>();
  const timer = setInterval(() => {
    const now = clock.monotonic();
    streams.forEach((stream) => {
      stream.tick(now);
    });
  }, tickMs);
  timer.unref();
  return {
    add(stream) {
      streams.add(stream);
    },
    delete(stream) {
      streams.delete(stream);
    },
    get size() {
      return streams.size;
    },
    terminateAll(error) {
      streams.forEach((stream) => {
        stream.terminate(error);
      });
    },
    close() {
      clearInterval(timer);
    },
  };
}
