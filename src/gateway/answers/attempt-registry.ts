import { everyByTimer, SlotList, type Clock, type GatewayError, type Slotted } from "../../core/index.ts";

/** An attempt under way, as the registry sees it. */
export interface ActiveAttempt extends Slotted {
  /** Its answer is a stream, and has begun. */
  readonly streaming: boolean;
  /** Called at intervals: a stream sends a keep-alive if its upstream has been silent for long. */
  tick(nowMs: number): void;
  /** The gateway is shutting down: end with this error. */
  terminate(error: GatewayError): void;
}

/** The attempts under way: one timer serves all of them, and a shutdown reaches all of them. */
export interface AttemptRegistry {
  /** After `terminateAll` an attempt is terminated within this call. */
  add(attempt: ActiveAttempt): void;
  delete(attempt: ActiveAttempt): void;
  /** Streams under way; they are counted one by one. */
  countStreams(): number;
  terminateAll(error: GatewayError): void;
  /** Ends the timer. */
  close(): void;
}

/** @param tickMs how often silent streams are looked at. */
export function createAttemptRegistry(clock: Clock, tickMs = 1000): AttemptRegistry {
  const attempts = new SlotList<ActiveAttempt>();
  let ended: GatewayError | undefined;
  const stopTicks = everyByTimer(tickMs, () => {
    const now = clock.monotonic();
    attempts.forEach((attempt) => {
      attempt.tick(now);
    });
  });
  return {
    add(attempt) {
      attempts.add(attempt);
      if (ended !== undefined) attempt.terminate(ended);
    },
    delete(attempt) {
      attempts.delete(attempt);
    },
    countStreams() {
      let count = 0;
      attempts.forEach(({ streaming }) => {
        if (streaming) count += 1;
      });
      return count;
    },
    terminateAll(error) {
      ended = error;
      attempts.forEach((attempt) => {
        attempt.terminate(error);
      });
    },
    close: stopTicks,
  };
}
