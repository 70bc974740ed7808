import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { messageOf, Secret } from "../../core/index.ts";
import { StoreError } from "../store-error.ts";

/** Files are absolute paths of PEM files. */
export interface PostgresTls {
  /** The file of the authority that must have issued the server's certificate; by default the authorities that Node knows. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** `false`: the connection is encrypted, but the server's certificate is not checked. */
  readonly verify?: boolean;
}

/** Where a PostgreSQL database is, and which user connects. */
export interface PostgresPlace {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password?: Secret;
  /** `undefined`: the connection is not encrypted. */
  readonly tls?: PostgresTls;
  /** As the server's own command line has them: `-c search_path=app`. */
  readonly options?: string;
  readonly applicationName?: string;
  readonly connectTimeoutMs?: number;
  readonly channelBinding?: boolean;
}

/**
 * Values of `sslmode` in the URL that this program accepts: libpq's (postgresql.org/docs/18/libpq-ssl.html, read 2026-11-23), without those that may
 * fall back to clear text.
 */
const sslModes = "disable, require, verify-ca or verify-full";

/**
 * Parses `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/ca.pem`; `host` in the query is the folder of a Unix socket. A
 * part that the URL omits has libpq's default, except for TLS: that is then the argument `tls`.
 * @throws StoreError `unreachable`, which does not repeat the URL, as it may contain a password.
 */
export function parsePostgresUrl(url: Secret, tls?: PostgresTls): PostgresPlace {
  const text = url.reveal();
  const parsed = URL.parse(text);
  const isOurs = /^postgres(?:ql)?:/i.test(text);
  if (isOurs && (parsed === null || parsed.hash !== "" || parsed.pathname.includes("@"))) {
    throw new StoreError(
      "unreachable",
      "The database's URL cannot be taken apart. In a name or a password write # as %23, / as %2F, ? as %3F, @ as %40 and : as %3A, or use database.host, " +
        "username and password in its place.",
    );
  }
  if (parsed === null || !isOurs) {
    throw new StoreError(
      "unreachable",
      "The database's URL is not a PostgreSQL URL. Write it as in postgres://user:password@host:5432/database.",
    );
  }
  const query = parsed.searchParams;
  checkParameters(query);
  const username = (decode(parsed.username) || query.get("user")) ?? "tokligence";
  const database = (decode(parsed.pathname.slice(1)) || query.get("dbname")) ?? username;
  const password = (decode(parsed.password) || query.get("password")) ?? "";
  const chosen = tlsOf(query, tls);
  return {
    host: query.get("host") ?? (parsed.hostname.replaceAll(/^\[|\]$/g, "") || "localhost"),
    port: Number(parsed.port || (query.get("port") ?? 5432)),
    database,
    username,
    ...(password === "" ? {} : { password: new Secret(password) }),
    ...(chosen === undefined ? {} : { tls: chosen }),
    ...sessionOf(query),
  };
}

/** Parameters of libpq that are heeded (postgresql.org/docs/18/libpq-connect.html, read 2026-11-28). Others must not look as if they had an effect. */
const parameterNames: readonly string[] =
  "host port dbname user password sslmode sslrootcert sslcert sslkey options application_name connect_timeout channel_binding".split(" ");

function checkParameters(query: URLSearchParams): void {
  const unknown = [...query.keys()].find((name) => !parameterNames.includes(name));
  if (unknown === undefined) return;
  throw new StoreError(
    "unreachable",
    `The database's URL has a parameter "${unknown.slice(0, 40)}" that this program does not support. Leave it out; it takes ${parameterNames.join(", ")}.`,
  );
}

function sessionOf(query: URLSearchParams): Pick<PostgresPlace, "options" | "applicationName" | "connectTimeoutMs" | "channelBinding"> {
  const [options, name, timeout, binding] = [
    query.get("options"),
    query.get("application_name"),
    query.get("connect_timeout"),
    query.get("channel_binding"),
  ];
  if (timeout !== null && !/^\d{1,4}$/.test(timeout)) {
    throw new StoreError(
      "unreachable",
      "connect_timeout in the database's URL must be a whole number of seconds; 0 is no limit of its own.",
    );
  }
  return {
    ...(options === null ? {} : { options }),
    ...(name === null ? {} : { applicationName: name }),
    ...(timeout === null || Number(timeout) === 0 ? {} : { connectTimeoutMs: Number(timeout) * 1000 }),
    ...(binding === null ? {} : { channelBinding: binding !== "disable" }),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new StoreError(
      "unreachable",
      "The database's URL has a % that does not begin an escape: write %25 for a % in a name or a password.",
    );
  }
}

function tlsOf(query: URLSearchParams, tls: PostgresTls | undefined): PostgresTls | undefined {
  const mode = query.get("sslmode");
  const files: PostgresTls = {
    ...tls,
    ...fileOf(query, "sslrootcert", "ca"),
    ...fileOf(query, "sslcert", "cert"),
    ...fileOf(query, "sslkey", "key"),
  };
  switch (mode) {
    case null:
      return tls;
    case "disable":
      return undefined;
    case "require":
      return { ...files, verify: false };
    case "verify-ca":
    case "verify-full":
      return files;
    default:
      throw new StoreError("unreachable", `The database's URL has an sslmode that this program does not support. Use ${sslModes}.`);
  }
}

function fileOf(query: URLSearchParams, name: string, as: "ca" | "cert" | "key"): PostgresTls {
  const path = query.get(name);
  return path === null ? {} : { [as]: path };
}

/** The options for Node's TLS. @throws StoreError `untrusted` if a file cannot be read. */
export function readTls(tls: PostgresTls | undefined): ConnectionOptions | false {
  if (tls === undefined) return false;
  const read = (path: string | undefined): string | undefined => {
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new StoreError("untrusted", `The file ${path} of database.tls cannot be read (${messageOf(error)}). Check the path.`, error);
    }
  };
  const [ca, cert, key] = [read(tls.ca), read(tls.cert), read(tls.key)];
  return {
    rejectUnauthorized: tls.verify !== false,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** For messages and logs: `tokligence on db.example.com:5432`. */
export function describePlace({ host, port, database }: Pick<PostgresPlace, "host" | "port" | "database">): string {
  return `${database} on ${host}:${port}`;
}
