import * as z from "zod";
import { flag, path, resolvePath, type PathBase } from "../settings/index.ts";

export const auditSchema = z
  .strictObject({
    enabled: flag("Whether changes by admins, and of the configuration, are written to the audit trail.").prefault(true),
    usage: flag("Whether usage entries are taken into it, in batches.").prefault(true),
    key: path("The file of the key that signs; beside the database if omitted. It is made if it is not there.").optional(),
    head: path("A file that gets each signature, best on another machine's disk; beside the database if omitted.").optional(),
    events: path("A file to which each entry is added as an event in the form of OCSF, one a line; none if omitted.").optional(),
  })
  .describe("A trail of what was changed and used, which shows tampering. See docs/audit.md.")
  .prefault({});

export type ParsedAudit = z.output<typeof auditSchema>;

export interface AuditSection {
  readonly enabled: boolean;
  readonly usage: boolean;
  readonly key?: string;
  readonly head?: string;
  readonly events?: string;
}

export function readAudit({ enabled, usage, key, head, events }: ParsedAudit, base: PathBase): AuditSection {
  return {
    enabled,
    usage,
    ...(key === undefined ? {} : { key: resolvePath(key, base) }),
    ...(head === undefined ? {} : { head: resolvePath(head, base) }),
    ...(events === undefined ? {} : { events: resolvePath(events, base) }),
  };
}
