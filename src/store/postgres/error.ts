import { StoreError, type StoreErrorReason } from "../store-error.ts";

/** Names for the messages. */
export interface PostgresNames {
  /** `tokligence on db.example.com:5432`. */
  readonly place: string;
  readonly username: string;
  readonly database: string;
  /** Whether the settings have a password. Without one, the driver takes that of the variable PGPASSWORD. */
  readonly hasPassword: boolean;
}

/** The connection broke, or the server is stopping or starting; class 08 besides (postgresql.org/docs/18/errcodes-appendix.html, read 2026-11-23). */
const serverGone = new Set(["57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "ECONNRESET", "EPIPE"]);
const noServer = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "ENOENT", "EACCES"]);
/** Node's codes for a certificate that is not accepted (nodejs.org/api/tls.html, X509 certificate error codes). */
const badCertificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|ISSUER/;
/** node-postgres gives these errors no code. */
const brokenConnection = /^(?:Connection terminated|The connections were cut|Client has encountered a connection error|Client was closed)/;
const connectTimeout = /^(?:timeout exceeded when trying to connect|Connection terminated due to connection timeout)/;

/** The message of an error for calls that come after `abort`. */
export const brokenOff = "The connections were cut";

/** The driver's words. */
const silence = "Query read timeout";

/** Whether the driver gave up a statement that the server did not answer. Its outcome is unknown. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === silence;
}

/** Whether the connection broke before the statement was sent. Then any statement may be sent again. */
export function isUnsent(error: unknown): boolean {
  return error instanceof Error && error.message.endsWith("and is not queryable");
}

/** Whether the server could not be reached, is starting, or has gone. It may be back a while later. */
export function isOutage(error: unknown): boolean {
  if (error instanceof StoreError) return error.reason === "unavailable" || error.reason === "unreachable";
  const code = codeOf(error);
  return (
    serverGone.has(code) || code.startsWith("08") || noServer.has(code) || (error instanceof Error && brokenConnection.test(error.message))
  );
}

/** Whether a row of a partitioned table has no partition yet. */
export function isMissingPartition(error: unknown): boolean {
  return codeOf(error) === "23514" && error instanceof Error && "routine" in error && error.routine === "ExecFindPartition";
}

/**
 * Turns an error of the driver or the server into a `StoreError` if the cause is the server, the connection to it or the rights there. Any other
 * error (a constraint, a mistake in a query) is returned unchanged. No message contains a password: the server's own messages never do.
 */
export function explainPostgresError(error: unknown, names: PostgresNames): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  const explanation =
    explainRefusal(code, error.message, names) ??
    explainFailure(code, error.message, names.place) ??
    explainConnection(code, error.message, names.place);
  return explanation === undefined ? error : new StoreError(explanation[0], explanation[1], error);
}

type Explanation = readonly [reason: StoreErrorReason, message: string];

/** The server answers, and does not let this user in, or not to this. */
function explainRefusal(code: string, detail: string, names: PostgresNames): Explanation | undefined {
  const { place, username, database, hasPassword } = names;
  if (code === "28P01" || /client password must be a string|password authentication failed/.test(detail)) {
    return ["denied", `The database ${place} refuses the user ${username}: ${passwordAdvice(hasPassword)}`];
  }
  if (/unsupported startup parameter/.test(detail)) {
    return [
      "denied",
      `A connection pooler before the database ${place} refuses a parameter (${detail}). Leave it out of "options" in database.url, and set it for the user, ` +
        `as in: alter role "${username}" set search_path = app. Or name the parameter in the pooler's ignore_startup_parameters.`,
    ];
  }
  if (code === "28000") {
    return [
      "denied",
      `The database ${place} refuses the user ${username} (${detail}). Check database.username, the server's pg_hba.conf, and whether it wants database.tls: true.`,
    ];
  }
  if (code === "3D000") {
    return [
      "missing",
      `The server has no database ${database}. Make it, as in: createdb --owner ${username} ${database}. Or correct the name in database.database or database.url.`,
    ];
  }
  if (code === "42501") {
    return [
      "denied",
      `The user ${username} lacks a right in the database ${place} (${detail}). Make it the owner: alter database "${database}" owner to "${username}".`,
    ];
  }
  return undefined;
}

/** The server lets the user in, and cannot do what it is asked for. */
function explainFailure(code: string, detail: string, place: string): Explanation | undefined {
  if (code === "53300") {
    return [
      "busy",
      `The server of the database ${place} takes no more connections. Lower database.pool, or raise the server's max_connections.`,
    ];
  }
  if (code === "53100") return ["full", `The disk of the database ${place} is full. Free some space there.`];
  if (code === "55P03") return ["busy", `The database ${place} is locked by another session. Look for it in pg_stat_activity, and end it.`];
  if (code === "57014") return ["busy", `The database ${place} took too long for a query, which was given up (${detail}).`];
  if (code === "25006") {
    return [
      "unwritable",
      `The database ${place} takes no changes: it is a standby, or set to read only. Name the primary server in the configuration.`,
    ];
  }
  if (code === "XX001" || code === "XX002") return ["damaged", `The database ${place} is damaged (${detail}). Restore it from a backup.`];
  if (code === "58030") return ["io_error", `The server of the database ${place} could not read or write (${detail}). Check its disk.`];
  return undefined;
}

/** There is no connection, or none that is safe. */
function explainConnection(code: string, detail: string, place: string): Explanation | undefined {
  if (detail === silence)
    return ["busy", `The server of the database ${place} did not answer in time. Look whether it, its disk and the network work.`];
  if (/does not support SSL/.test(detail)) {
    return [
      "untrusted",
      `The server of the database ${place} has no TLS. Switch it on there, or set database.tls: false where the network is safe.`,
    ];
  }
  if (badCertificate.test(code)) {
    return [
      "untrusted",
      `The certificate of the database ${place} is not trusted (${detail}). Name its authority's file in database.tls.ca, and the host as in the certificate.`,
    ];
  }
  if (noServer.has(code) || connectTimeout.test(detail)) {
    return [
      "unreachable",
      `No PostgreSQL server answers for the database ${place} (${code === "" ? "no answer in time" : code}). Check host and port, and that the server runs.`,
    ];
  }
  if (serverGone.has(code) || code.startsWith("08") || brokenConnection.test(detail)) {
    return ["unavailable", `The connection to the database ${place} broke (${detail}). It is made again by itself: try again in a moment.`];
  }
  return undefined;
}

function codeOf(error: unknown): string {
  // If a name has several addresses, Node reports one error for each of them.
  const first: unknown = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return first instanceof Error && "code" in first && typeof first.code === "string" ? first.code : "";
}

function passwordAdvice(hasPassword: boolean): string {
  if (hasPassword) return "the password is wrong. Check database.password, or the password in database.url.";
  return process.env["PGPASSWORD"] === undefined
    ? "no password is set. Set database.password (TOKLIGENCE_DATABASE_PASSWORD), the password in database.url, or PGPASSWORD."
    : "the password in PGPASSWORD is wrong, and neither database.password nor database.url has one.";
}
