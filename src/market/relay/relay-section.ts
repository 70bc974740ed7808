import * as z from "zod";
import { flag, integer, leaf } from "../../settings/index.ts";

export const relaySchema = z
  .strictObject({
    members: flag("Whether an exchange forwards calls to those of its members that have no address of their own.").prefault(true),
    peers: flag("Whether this gateway forwards calls to those of its peers that have no address of their own.").prefault(false),
    url: leaf(z.url({ protocol: /^https?$/ }), {
      kind: "text",
      description:
        "The URL at which buyers call this process as a relay; `market.reach` if omitted. Each process of an exchange with several needs its own.",
      allowed: "an http or https URL without a path",
    }).optional(),
    sellers: integer("Sellers that are connected at a time.", 1, 10_000).prefault(50),
    calls: integer(
      "Requests of one seller that are forwarded at a time, and four short calls for each. Callers that are no peers or members here get at most half of them.",
      1,
      1000,
    ).prefault(32),
    calls_per_caller: integer(
      "Requests of one caller to one seller that are forwarded at a time, and four short calls for each.",
      1,
      1000,
    ).prefault(8),
    megabytes_per_hour: integer("Megabytes of one seller that are forwarded in an hour, both ways together.", 1, 1e9).optional(),
  })
  .describe("Forwarding sealed calls to sellers without an address of their own, which keep connections to this gateway.")
  .prefault({});

export interface RelaySettings {
  readonly members: boolean;
  readonly peers: boolean;
  readonly url: string | undefined;
  readonly sellers: number;
  readonly calls: number;
  readonly callsPerCaller: number;
  readonly bytesPerHour: number | undefined;
}

export function readRelay(parsed: z.output<typeof relaySchema>): RelaySettings {
  const { members, peers, url, sellers, calls, calls_per_caller: callsPerCaller, megabytes_per_hour: megabytes } = parsed;
  return {
    members,
    peers,
    url: url === undefined ? undefined : new URL(url).origin,
    sellers,
    calls,
    callsPerCaller,
    bytesPerHour: megabytes === undefined ? undefined : megabytes * 1_000_000,
  };
}
