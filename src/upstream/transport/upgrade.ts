import type { IncomingMessage } from "node:http";
import type * as Https from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { nodeHttp } from "../../core/index.ts";
import { createCheckedLookup, systemResolve } from "./addresses.ts";

/** A connection that leaves HTTP/1.1 for another protocol. */
export interface UpgradeRequest {
  /** Of `http` or `https`, with its path. */
  readonly url: string;
  /** What the connection speaks afterwards: the header `upgrade`. */
  readonly protocol: string;
  /** Name and value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface UpgradedConnection {
  readonly socket: Duplex;
  /** Of the answer, their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The server has answered, but does not change the protocol. */
export class UpgradeRefused extends Error {
  readonly status: number;
  /** The beginning of the answer. */
  readonly text: string;

  constructor(status: number, text: string) {
    super(`The server answered with status ${status}.`);
    this.name = "UpgradeRefused";
    this.status = status;
    this.text = text;
  }
}

const mostTextBytes = 4096;

/**
 * Opens a connection, and asks the server to change its protocol. A name is resolved as for all requests: never to a link-local address. Proxies are not used.
 * @throws UpgradeRefused with what the server answers, Error if it cannot be reached.
 */
export function openUpgraded({ url, protocol, headers, timeoutMs }: UpgradeRequest): Promise<UpgradedConnection> {
  const target = new URL(url);
  const isTls = target.protocol === "https:";
  const host = target.hostname.replaceAll(/[[\]]/g, "");
  const options = {
    agent: false as const,
    lookup: createCheckedLookup(systemResolve),
    headers: { ...headers, connection: "Upgrade", upgrade: protocol },
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot disable it.
    ...(isTls ? { rejectUnauthorized: true, ALPNProtocols: ["http/1.1"], ...(isIP(host) === 0 ? { servername: host } : {}) } : {}),
  };
  return new Promise((resolve, reject) => {
    const request = isTls ? nodeHttps().request(target, options) : nodeHttp().request(target, options);
    const timer = setTimeout(() => {
      request.destroy(new Error("The server does not answer."));
    }, timeoutMs).unref();
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on("response", (answer) => {
      void refusalOf(answer).then((refused) => {
        clearTimeout(timer);
        request.destroy();
        reject(refused);
      });
    });
    request.on("upgrade", (answer: IncomingMessage, socket, head) => {
      clearTimeout(timer);
      // The server may have written at once.
      if (head.length > 0) socket.unshift(head);
      socket.setNoDelay(true);
      socket.setTimeout(0);
      resolve({ socket, headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])) });
    });
    request.end();
  });
}

async function refusalOf(answer: IncomingMessage): Promise<UpgradeRefused> {
  let text = "";
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      text += part.toString("utf8");
      if (text.length > mostTextBytes) break;
    }
  } catch {
    // What has arrived says enough.
  }
  return new UpgradeRefused(answer.statusCode ?? 0, text.slice(0, mostTextBytes));
}

/** Loaded with the first connection that needs it. */
function nodeHttps(): typeof Https {
  return process.getBuiltinModule("node:https");
}
