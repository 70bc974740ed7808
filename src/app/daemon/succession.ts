/*
 * A restart without a gap: the old gateway starts the new one as its child, and the two speak over the child's IPC channel until the old one has ended.
 * They may be of different versions, so these messages change only by what either side may ignore.
 *
 *   old → new   address                 where it listens, and with how many sockets
 *   new → old   sockets-wanted          it is ready to serve
 *   old → new   socket, with a handle   for each of them
 *   new → old   serving                 the old one accepts no more connections, and drains
 *   both        strings                 the ledger's: the old one brings rows of the new one into the database
 *   old → new   stop                    somebody has asked the old one to stop the gateway
 *   the channel ends                    the old one has ended, well or not: the new one takes its place
 */

import type { ServiceManager } from "./service-manager.ts";

/** Why the new gateway does not take the place of the old one: the gateway has to be stopped before it is started. */
export const declineReasons = ["address", "schema"] as const;
export type DeclineReason = (typeof declineReasons)[number];

/** Where a gateway listens. */
export interface ServedAddress {
  readonly host: string;
  /** As it was configured; 0 if the system chose the one that is served. */
  readonly port: number;
  readonly servedPort: number;
}

export type ToSuccessor = string | AddressMessage | { readonly type: "socket" } | { readonly type: "stop" };

export interface AddressMessage extends ServedAddress {
  readonly type: "address";
  readonly sockets: number;
  /** What watches the old gateway, and then the new one. */
  readonly manager: ServiceManager;
}

export type ToPredecessor =
  | string
  | { readonly type: "sockets-wanted" }
  | { readonly type: "serving" }
  | { readonly type: "declined"; readonly reason: DeclineReason };
