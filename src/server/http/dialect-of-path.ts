import type { ProtocolId } from "../../ir/index.ts";
import { defaultDialect, type ProtocolTable } from "../../protocols/index.ts";
import { canonicalPath } from "./base-url.ts";

/** The dialect that errors speak before a route has been found. */
export function dialectOfPath(called: string, protocols: ProtocolTable): ProtocolId {
  const path = canonicalPath(called) ?? called;
  for (const [id, { wireRules }] of protocols) if (wireRules.ownsPath(path)) return id;
  return defaultDialect;
}
