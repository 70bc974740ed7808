import * as z from "zod";
import { Secret } from "../../core/index.ts";
import { leaf } from "../../settings/index.ts";

export const redisSchema = z
  .strictObject({
    url: leaf(z.string().min(1), {
      kind: "secret",
      description: "Where it is, with user and password if it needs them; rediss:// is encrypted.",
      allowed: "a URL as in redis://user:password@host:6379/0 or rediss://host",
      sensitive: true,
      isUrl: true,
    }).optional(),
  })
  .describe("A Redis server (6.2 or later) that several gateways share: for limits, and for what they know of targets.")
  .prefault({});

export type ParsedRedis = z.output<typeof redisSchema>;

export interface RedisSection {
  /** `undefined`: no Redis is used, and its client is not loaded. */
  readonly url?: Secret;
}

export function readRedis({ url }: ParsedRedis): RedisSection {
  return url === undefined ? {} : { url: new Secret(url) };
}
