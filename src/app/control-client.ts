import { errorTable, GatewayError, nodeHttp, viaHeader, type ErrorCode } from "../core/index.ts";
import type { AdminSender } from "../server/index.ts";

const usualTimeoutMs = 30_000;
/** Of operations that read or rewrite all of the ledger or of the trail before they answer. */
const longTimeoutMs = 6 * 3_600_000;
const longOperation = /^\/api\/v1\/(?:ledger\/reprice|audit\/verify|audit\/export)\b/;

/** Whether a socket error means that no process listens. */
export function isNobodyThere(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTSOCK";
}

export interface ControlOptions {
  readonly timeoutMs?: number;
  /** Through what the calls are made, for the log and the audit trail. */
  readonly via?: "assistant" | undefined;
}

/** Calls the admin API of a running daemon over its control socket. @throws GatewayError with the daemon's own message; a socket error if no process listens. */
export function createControlSender(socketPath: string, options: ControlOptions = {}): AdminSender {
  const send = createSender(socketPath, options);
  return async (method, target, body) => {
    try {
      return await send(method, target, body);
    } catch (error) {
      // A daemon that has just ended, or given its place to another one, had not taken the connection yet. A change could have been made.
      if (method !== "GET" || (error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
      return await send(method, target, body);
    }
  };
}

function createSender(socketPath: string, { timeoutMs = usualTimeoutMs, via }: ControlOptions): AdminSender {
  return (method, target, body) =>
    new Promise((resolve, reject) => {
      const timeout = longOperation.test(target) ? longTimeoutMs : timeoutMs;
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        ...(via === undefined ? {} : { [viaHeader]: via }),
        ...(text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      };
      const call = nodeHttp().request({ socketPath, method, path: target, headers, agent: false, timeout }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const received = Buffer.concat(parts).toString("utf8");
          // Some answers are long texts.
          const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
          const answer: unknown = isJson ? JSON.parse(received) : received;
          const status = response.statusCode ?? 500;
          if (status < 400) resolve(answer);
          else reject(errorOfAnswer(status, answer));
        });
      });
      call.on("timeout", () => call.destroy(new Error("The daemon does not answer on its control socket.")));
      call.on("error", reject);
      call.end(text);
    });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/** The error of a gateway's answer, with the same code as without a daemon. */
export function errorOfAnswer(status: number, answer: unknown): GatewayError {
  const error = (answer as { error?: { message?: unknown; param?: unknown; code?: unknown } }).error;
  const message = typeof error?.message === "string" ? error.message : `The daemon answered ${status}.`;
  const code = typeof error?.code === "string" && isErrorCode(error.code) ? error.code : "invalid_request";
  return new GatewayError(code, message, { status, ...(typeof error?.param === "string" ? { param: error.param } : {}) });
}
