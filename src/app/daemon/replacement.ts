import type { Server } from "node:net";
import type { Logger } from "../../core/index.ts";
import type { LedgerSink } from "../../ledger/index.ts";
import { ownDaemonCommand } from "../self.ts";
import type { ServiceManager } from "./service-manager.ts";
import type { ServedAddress } from "./succession.ts";
import { startSuccessor, type Successor } from "./successor.ts";

export interface ReplacementDeps {
  readonly manager: () => ServiceManager;
  readonly address: () => ServedAddress;
  readonly sockets: () => readonly Server[];
  readonly sink: () => LedgerSink;
  /** The new gateway is about to serve the same database. */
  readonly onStart: () => void;
  /** It serves: this one ends, after its answer to the one who asked. */
  readonly onServing: () => void;
  readonly logger: Logger;
  readonly platform?: NodeJS.Platform;
}

/** Lets another gateway take the place of this one. */
export interface Replacement {
  restart(request: { readonly command: readonly string[]; readonly environment: NodeJS.ProcessEnv }): Promise<RestartOutcome>;
  /** The gateway that serves in place of this one, if there is one. */
  readonly successor: Successor | undefined;
  /** This process has nothing left to do. */
  release(): void;
}

export type RestartOutcome =
  | { readonly outcome: "serving"; readonly pid: number }
  | { readonly outcome: "declined"; readonly reason: string }
  | { readonly outcome: "failed"; readonly problem: string; readonly stderr: string };

const supervised =
  "The gateway was started by a service manager, or is the first process of a container, which would take its end for the end of the service. " +
  "Restart it there, for example with `systemctl restart tokligence`; a unit of `tokligence-daemon install` can be restarted here.";
const underWay =
  "A restart is under way: the gateway before finishes its last answers. Try again when it has ended, or stop it and start it.";

export function createReplacement(deps: ReplacementDeps): Replacement {
  let successor: Successor | undefined;
  let isStarting = false;
  const start = async ({ command, environment }: Parameters<Replacement["restart"]>[0]): Promise<RestartOutcome> => {
    const isService = deps.manager() === "systemd";
    const [file = process.execPath, ...args] = isService ? ownCommand() : command;
    deps.onStart();
    const started = await startSuccessor({
      command: [file, ...args],
      env: isService ? process.env : withoutService(environment),
      inheritsOutput: isService,
      manager: deps.manager(),
      address: deps.address(),
      sockets: deps.sockets(),
      sink: deps.sink(),
    });
    if (started.outcome === "failed")
      deps.logger.error({ error: started.problem, stderr: started.stderr }, "the new gateway did not start; this one goes on");
    if (started.outcome !== "serving") return started;
    successor = started.successor;
    deps.logger.info({ successor: successor.pid }, "a new gateway serves; this one finishes its answers");
    deps.onServing();
    return { outcome: "serving", pid: successor.pid };
  };
  return {
    get successor() {
      return successor;
    },
    release() {
      successor?.release();
    },
    async restart(request) {
      if ((deps.platform ?? process.platform) === "win32") return { outcome: "declined", reason: "windows" };
      if (deps.manager() === "other") return failed(supervised);
      if (isStarting || successor !== undefined) return failed(underWay);
      isStarting = true;
      try {
        return await start(request);
      } finally {
        isStarting = false;
      }
    },
  };
}

function failed(problem: string): RestartOutcome {
  return { outcome: "failed", problem, stderr: "" };
}

/** The command line of this process, for a service: the one who asks for a restart may have another environment, other rights and another folder. */
function ownCommand(): string[] {
  const own = ownDaemonCommand();
  return own.includes("--take-over") ? own : [...own, "--take-over"];
}

/** The new gateway is no service only because the command was called from one. */
function withoutService(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, NOTIFY_SOCKET: undefined, SYSTEMD_EXEC_PID: undefined };
}
