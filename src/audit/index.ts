export { gatewayEntry, type NewEntry } from "./append.ts";
export { createAuditLog, type AuditLog, type AuditLogOptions } from "./audit-log.ts";
export type { ChainedEntry, Checkpoint } from "./entry.ts";
export { ExportVerifier } from "./export-text.ts";
export { ocsfEvent } from "./ocsf.ts";
export { checkProof, type AuditProof } from "./prove.ts";
export { auditSchema, readAudit, type AuditSection } from "./section.ts";
export { openAuditKey, type AuditKey } from "./signing.ts";
export { AuditTrail, type TrailReport } from "./trail.ts";
