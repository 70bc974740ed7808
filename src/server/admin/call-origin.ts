import type { IncomingHttpHeaders } from "node:http";

/** From where a call comes. */
export interface CallOrigin {
  /** Through the port, or through the control socket, which only the user of the process can open. */
  readonly channel: "http" | "socket";
  /** The caller's address; "" for a socket. */
  readonly address: string;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
}
