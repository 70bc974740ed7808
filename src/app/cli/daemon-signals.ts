import { isatty } from "node:tty";

/** What the daemon's process does when a signal arrives. */
export interface SignalActions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Whether the process was started from a terminal. */
  readonly hadTerminal: boolean;
  /** Whether that terminal is still open. */
  readonly hasTerminal: () => boolean;
  /** Ends in order: active answers are finished first. Called once. */
  readonly drain: (signal: NodeJS.Signals) => void;
  /** Ends now: active answers are cut off. */
  readonly endAtOnce: () => void;
  readonly reload: () => void;
}

/**
 * The same signal again within this time is the same key press: the terminal sends Ctrl-C to all processes of its group, and `npm`, `npx` and our own
 * launcher forward it to their child as well.
 */
const echoMs = 250;

/**
 * SIGINT and SIGTERM drain; a second one ends the process at once. SIGHUP reloads the configuration, unless the terminal that the process was started
 * from is gone: then it drains. SIGHUP never counts as a second signal, as systemd may send it together with SIGTERM (`SendSIGHUP=`).
 */
export function createSignalHandler(actions: SignalActions): (signal: NodeJS.Signals) => void {
  let draining = false;
  let last: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined;
  const drain = (signal: NodeJS.Signals): void => {
    if (draining) return;
    draining = true;
    actions.drain(signal);
  };
  return (signal) => {
    const atMs = actions.now();
    const isEcho = last !== undefined && last.signal === signal && atMs - last.atMs < echoMs;
    if (signal === "SIGHUP") {
      if (actions.hadTerminal && !actions.hasTerminal()) drain(signal);
      else if (!draining) actions.reload();
      return;
    }
    if (isEcho) return;
    last = { signal, atMs };
    if (draining) actions.endAtOnce();
    else drain(signal);
  };
}

const standardStreams = [0, 1, 2];

/** Whether a terminal is on any of the standard streams. When a terminal closes, the kernel detaches it, and its descriptors are no terminal any more. */
export function hasTerminal(): boolean {
  return standardStreams.some((fd) => isatty(fd));
}
