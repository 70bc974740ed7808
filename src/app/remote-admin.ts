import { GatewayError, messageOf, silentLogger, systemClock, viaHeader } from "../core/index.ts";
import { createAdminClient } from "../server/index.ts";
import { callOnce } from "../upstream/index.ts";
import type { Admin } from "./admin.ts";
import { errorOfAnswer } from "./control-client.ts";

/** A gateway on another machine, and a key that its admin API takes. */
export interface RemoteGateway {
  /** Without a slash at the end. */
  readonly url: string;
  readonly key: string;
  /** Through what the calls are made, for the log and the audit trail there. */
  readonly via?: "assistant" | undefined;
}

/** The address of a gateway as people write it. @throws Error for what is no address of one. */
export function readGatewayUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new Error(`"${text}" is no address of a gateway. Write one as in https://gateway.example.com.`);
  return url.href.replace(/\/+$/, "").replace(/\/(?:v1|api\/v1)$/, "");
}

/** The admin API of another machine, with the rights of the key. */
export function openRemoteAdmin({ url, key, via }: RemoteGateway): Admin {
  const more = via === undefined ? [] : [viaHeader, via];
  return {
    call: createAdminClient(async (method, target, body) => {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      return await callGateway({ url: `${url}${target}`, method, headers: ["authorization", `Bearer ${key}`, ...more], ...json });
    }),
    close: () => Promise.resolve(),
  };
}

interface GatewayCall {
  readonly url: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** One call of a gateway. @returns its JSON, or a long text. @throws GatewayError with the gateway's own message; an Error that says that it cannot be reached. */
export async function callGateway({ url, method, headers = [], body }: GatewayCall): Promise<unknown> {
  const deps = { clock: systemClock, logger: silentLogger, proxyEnv: process.env };
  const sent = ["accept", "application/json", ...(body === undefined ? [] : ["content-type", "application/json"]), ...headers];
  const { origin, host } = new URL(url);
  const answer = await callOnce(deps, { name: host, url, method, headers: sent, body }).catch((error: unknown) => {
    throw new Error(`The gateway at ${origin} cannot be reached (${kindOf(error)}). Check the address, and that the gateway runs there.`, {
      cause: error,
    });
  });
  const text = answer.body.toString("utf8");
  const isJson = typeOf(answer.headers).startsWith("application/json");
  if (answer.status < 400) return isJson ? JSON.parse(text) : text;
  if (isJson) throw errorOfAnswer(answer.status, JSON.parse(text));
  throw new GatewayError("not_found", `${origin} answered ${answer.status}, and not as a gateway does. Check the address.`);
}

/** Of a failure of the upstream client. Its words are for providers. */
function kindOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "kind" in cause ? String(cause.kind) : messageOf(error);
}

function typeOf(headers: readonly string[]): string {
  const index = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "content-type");
  return index < 0 ? "" : headers[index + 1]!;
}
