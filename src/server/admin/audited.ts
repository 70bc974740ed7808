import { createHash } from "node:crypto";
import type { AuditLog } from "../../audit/index.ts";
import { GatewayError, maskGatewayKeys, type Logger } from "../../core/index.ts";
import type { AdminOperation, CallContext } from "./api.ts";
import { viaOf } from "./call-origin.ts";

/**
 * The operations, of which those that change something are written to the log, and to the audit trail, if there is one, with who called them and digests of what
 * they changed.
 */
export function auditOperations(
  operations: readonly AdminOperation[],
  log: Pick<AuditLog, "add"> | undefined,
  logger: Logger,
): AdminOperation[] {
  return operations.map((operation) => {
    if (operation.method === "GET") return operation;
    const reader = log === undefined ? undefined : readerOf(operation, operations);
    return { ...operation, run: (context) => runAudited(operation, context, { log, reader, logger }) };
  });
}

interface AuditedWith {
  readonly log: Pick<AuditLog, "add"> | undefined;
  readonly logger: Logger;
  /** Shows what an operation changes. */
  readonly reader: AdminOperation | undefined;
}

async function runAudited(operation: AdminOperation, context: CallContext, { log, reader, logger }: AuditedWith): Promise<unknown> {
  const before = reader === undefined ? "" : await digestBefore(reader, context);
  const { principal, origin, param, query, body } = context;
  const via = viaOf(origin);
  const entry = {
    kind: "admin",
    action: operation.name,
    // A name that is refused as it contains a key is named here, too.
    subject: maskGatewayKeys(param === "" ? subjectOf(body, query) : param),
    actor: `${principal.userId} ${principal.username}`,
    keyId: principal.keyId,
    address: origin?.address ?? "",
    channel: origin?.channel ?? "command",
    before,
    details: JSON.stringify({ body: digestOf(body), fields: fieldsOf(body), ...(via === undefined ? {} : { via }) }),
  };
  const note = (outcome: string): void => {
    const { action, subject, channel } = entry;
    logger.info(
      { action, subject, user: principal.username, channel, outcome, ...(via === undefined ? {} : { via }) },
      "an admin operation",
    );
  };
  try {
    const result = await operation.run(context);
    note("ok");
    log?.add({ ...entry, outcome: "ok", after: digestOf(result) });
    return result;
  } catch (error) {
    const outcome = error instanceof GatewayError ? error.code : "internal_error";
    note(outcome);
    log?.add({ ...entry, outcome, after: "" });
    throw error;
  }
}

/** The operation that shows the object of another one: `GET /api/v1/users/{id}` for `POST /api/v1/users/{id}/disable`. */
function readerOf({ path }: AdminOperation, operations: readonly AdminOperation[]): AdminOperation | undefined {
  const end = path.indexOf("}");
  if (end < 0) return undefined;
  return operations.find((other) => other.method === "GET" && other.path === path.slice(0, end + 1) && other.query === undefined);
}

async function digestBefore(reader: AdminOperation, context: CallContext): Promise<string> {
  try {
    return digestOf(await reader.run({ ...context, query: new URLSearchParams(), body: undefined }));
  } catch {
    // There is no such object: the operation itself reports that.
    return "";
  }
}

/** What an operation without a parameter in its path is about, as its caller names it: the subject of a budget or of limits, the owner of a new key. */
function subjectOf(body: unknown, query: URLSearchParams): string {
  const named = typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
  const found = subjectFields.map((name) => named[name] ?? query.get(name)).find((value) => typeof value === "string");
  return typeof found === "string" ? found : "";
}

const subjectFields = ["subject", "key_id", "user", "username"] as const;

/** Names of the fields that were sent, not their values. */
function fieldsOf(body: unknown): readonly string[] {
  return typeof body === "object" && body !== null ? Object.keys(body).slice(0, 20) : [];
}

/** SHA-256 of the JSON of a value whose members are sorted by name. A new key's own text is not part of it. */
function digestOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = JSON.stringify(value, (name, part: unknown) => {
    if (name === "key" && typeof part === "string") return undefined;
    if (typeof part === "bigint") return String(part);
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash("sha256").update(text).digest("hex");
}
