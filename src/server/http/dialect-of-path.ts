import type { ProtocolId } from "../../ir/index.ts";
import { defaultDialect, type ProtocolTable } from "../../protocols/index.ts";
import { canonicalPath } from "./base-url.ts";

/** The dialect that errors speak before a route has been found. */
export function dialectOfPath(called: string, protocols: ProtocolTable): ProtocolId {
  const path = canonicalPath(called) ?? called;
  const owner = ownerOf(path, protocols);
  // A path that only lacks its /v1 may as well be one that its protocol has outside of /v1.
  return owner ?? (path === `/v1${called}` ? ownerOf(called, protocols) : undefined) ?? defaultDialect;
}

function ownerOf(path: string, protocols: ProtocolTable): ProtocolId | undefined {
  for (const [id, { wireRules }] of protocols) if (wireRules.ownsPath(path)) return id;
  return undefined;
}
