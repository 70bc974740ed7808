import { randomUUID } from "node:crypto";
import { everyByTimer, messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { RedisConnection } from "../../store/index.ts";
import { shareStates, type TargetStates } from "../../upstream/index.ts";

/** What processes tell each other of targets: workers through their primary, machines over Redis. Lost news is harmless. */
export interface SharedStates {
  /** News from another process of this machine. */
  receive(text: string): void;
  /** Passes news of a worker on to other machines. */
  toMachines(text: string): void;
  /** Called with news from other machines, so that the primary passes it on to its workers. */
  onNews(callback: (text: string) => void): void;
  close(): void;
}

const channel = "tokligence-targets";
/** The name of the machine's process, and a line end, come before the news. */
const nameLength = 36;

export interface SharedStatesDeps {
  readonly states: TargetStates;
  /** `undefined`: there are no other machines. */
  readonly redis: RedisConnection | undefined;
  /** To the primary; for a worker, which uses Redis only through it. */
  readonly toPrimary: ((text: string) => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function composeSharedStates({ states, redis, toPrimary, clock, logger }: SharedStatesDeps): SharedStates {
  const name = randomUUID();
  let forward: (text: string) => void = () => undefined;
  const toMachines = (text: string): void => {
    // Redis that is away has been reported already.
    redis?.call("publish", channel, `${name}\n${text}`).catch((error: unknown) => {
      logger.debug({ error: messageOf(error) }, "what is known of targets could not be shared");
    });
  };
  const publish = toPrimary ?? toMachines;
  // One process alone has nobody to tell.
  const isShared = toPrimary !== undefined || redis !== undefined;
  const sharing = isShared ? shareStates({ states, publish, clock, every: everyByTimer }) : undefined;
  const unsubscribe =
    toPrimary === undefined
      ? redis?.subscribe(channel, (message) => {
          if (message.startsWith(name)) return;
          const text = message.slice(nameLength + 1);
          sharing?.receive(text);
          forward(text);
        })
      : undefined;
  return {
    receive(text) {
      sharing?.receive(text);
    },
    toMachines,
    onNews(callback) {
      forward = callback;
    },
    close() {
      sharing?.close();
      unsubscribe?.();
    },
  };
}
