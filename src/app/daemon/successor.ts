import { spawn, type ChildProcess } from "node:child_process";
import type { Server } from "node:net";
import { receiveBatches, type LedgerSink } from "../../ledger/index.ts";
import { environmentForChild } from "./node-options.ts";
import type { ServiceManager } from "./service-manager.ts";
import type { DeclineReason, ServedAddress, ToPredecessor, ToSuccessor } from "./succession.ts";

export interface SuccessorOptions {
  /** The program and its arguments. */
  readonly command: readonly [file: string, ...args: string[]];
  readonly env: NodeJS.ProcessEnv;
  /** It writes where this process writes, as a service manager reads that; otherwise its errors are read here while it starts. */
  readonly inheritsOutput: boolean;
  /** What watches this process. */
  readonly manager: ServiceManager;
  readonly address: ServedAddress;
  readonly sockets: readonly Server[];
  readonly sink: LedgerSink;
  /** A gateway that does not serve in this time is ended; 30 seconds by default. */
  readonly timeoutMs?: number;
}

/** The gateway that takes the place of this one, and serves already. */
export interface Successor {
  readonly pid: number;
  /** Ends it in order. */
  stop(): void;
  /** This process has nothing left to do: the successor takes its place. */
  release(): void;
}

export type SuccessorStart =
  | { readonly outcome: "serving"; readonly successor: Successor }
  | { readonly outcome: "declined"; readonly reason: DeclineReason }
  /** With its last words. */
  | { readonly outcome: "failed"; readonly problem: string; readonly stderr: string };

const startTimeoutMs = 30_000;

/** Starts the gateway that takes the place of this one, and gives it the listening sockets. If it does not come to serve, it is gone, and nothing has changed. */
export async function startSuccessor(options: SuccessorOptions): Promise<SuccessorStart> {
  const { command, env, inheritsOutput, timeoutMs = startTimeoutMs } = options;
  const [file, ...args] = command;
  const [stdout, stderrTo] = inheritsOutput ? (["inherit", "inherit"] as const) : (["ignore", "pipe"] as const);
  const child = spawn(file, args, { detached: true, stdio: ["ignore", stdout, stderrTo, "ipc"], env: environmentForChild(env) });
  let stderr = "";
  child.stderr?.on("data", (data: Buffer) => (stderr = (stderr + data.toString("utf8")).slice(-8192)));
  const outcome = Promise.withResolvers<"serving" | DeclineReason | Error>();
  const receiver = receiveBatches(options.sink);
  child.on("message", (message: ToPredecessor) => {
    if (typeof message === "string") receiver.receive(message, (reply) => tell(child, reply));
    else if (message.type === "sockets-wanted") giveSockets(child, options);
    else outcome.resolve(message.type === "serving" ? "serving" : message.reason);
  });
  tell(child, { type: "address", ...options.address, sockets: options.sockets.length, manager: options.manager });
  child.on("error", (error) => {
    outcome.resolve(error);
  });
  const closed = new Promise<void>((resolve) => {
    child.on("close", (code, signal) => {
      outcome.resolve(new Error(`The new gateway ended at once (exit ${code ?? signal}).`));
      resolve();
    });
  });
  const timer = setTimeout(() => {
    outcome.resolve(new Error(`The new gateway did not serve within ${timeoutMs / 1000} s, and was ended.`));
  }, timeoutMs);
  const result = await outcome.promise;
  clearTimeout(timer);
  if (result === "serving") return { outcome: "serving", successor: createSuccessor(child) };
  // Its signal handlers may not be there yet, and it has nothing to save: all it has is in its journal.
  if (child.pid !== undefined) {
    child.kill("SIGKILL");
    await closed;
  }
  if (typeof result === "string") return { outcome: "declined", reason: result };
  return { outcome: "failed", problem: result.message, stderr };
}

function createSuccessor(child: ChildProcess): Successor {
  return {
    pid: child.pid!,
    stop() {
      tell(child, { type: "stop" });
    },
    release() {
      if (child.connected) child.disconnect();
      child.stderr?.destroy();
      child.unref();
    },
  };
}

function giveSockets(child: ChildProcess, { sockets }: SuccessorOptions): void {
  for (const socket of sockets) child.send({ type: "socket" } satisfies ToSuccessor, socket, () => {});
}

function tell(child: ChildProcess, message: ToSuccessor): void {
  if (child.connected) child.send(message, () => {});
}
