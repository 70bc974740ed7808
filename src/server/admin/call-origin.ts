import type { IncomingHttpHeaders } from "node:http";
import { viaHeader } from "../../core/index.ts";

/** From where a call comes. */
export interface CallOrigin {
  /** Through the port, through the control socket, which only the user of the process can open, or in a command's own process. */
  readonly channel: "http" | "socket" | "command";
  /** The caller's address; "" for a socket. */
  readonly address: string;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
}

/** `assistant`: the call was made for a person by the assistant. */
export function viaOf(origin: CallOrigin | undefined): "assistant" | undefined {
  return origin?.headers[viaHeader] === "assistant" ? "assistant" : undefined;
}
