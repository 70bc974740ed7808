import * as z from "zod";
import { Secret } from "../core/index.ts";
import { choice, flagPattern, integer, isTrueText, leaf, path, secret, text, resolvePath, type PathBase } from "../settings/index.ts";

const tlsFiles = z.strictObject({
  ca: z.string().min(1).describe("File of the certificate authority that the server's certificate must be from.").optional(),
  cert: z.string().min(1).describe("File of the client's certificate.").optional(),
  key: z.string().min(1).describe("File of the client's key.").optional(),
});

export const databaseSchema = z
  .strictObject({
    type: choice("Which database.", ["sqlite", "postgresql"]).prefault("sqlite"),
    path: path("SQLite: the database file. Pid file, log, journal and control socket lie beside it, also with PostgreSQL.").prefault(
      "~/.config/tokligence/gateway.db",
    ),
    url: leaf(z.string(), {
      kind: "secret",
      description: "PostgreSQL: everything in one URL, instead of the keys below.",
      allowed: "a URL as in postgresql://user@host:5432/database",
      sensitive: true,
      isUrl: true,
    }).optional(),
    host: text("PostgreSQL: host; localhost if omitted.", "a host name or an address").optional(),
    port: integer("PostgreSQL: port; 5432 if omitted.", 1, 65_535).optional(),
    database: text("PostgreSQL: name of the database; tokligence if omitted.").optional(),
    username: text("PostgreSQL: user; tokligence if omitted.").optional(),
    password: secret("PostgreSQL: password.").optional(),
    pool: integer("PostgreSQL: most connections of one process.", 1, 1000).prefault(10),
    tls: leaf(z.union([z.boolean(), z.string().regex(flagPattern), z.literal("require"), tlsFiles]), {
      kind: "json",
      description:
        "PostgreSQL: whether the connection is encrypted and the server's certificate checked; or the files for it. require: encrypted, the certificate unchecked.",
      allowed: "true, false, require, or a map of ca, cert and key, each a file's path",
    }).prefault(false),
  })
  .describe("Where users, keys and the ledger are kept.")
  .prefault({});

export type ParsedDatabase = z.output<typeof databaseSchema>;

export interface DatabaseSection {
  readonly type: "sqlite" | "postgresql";
  /** Absolute. With PostgreSQL no database lies there, but pid file, log, journal and socket lie beside it all the same. */
  readonly path: string;
  /** Set where `type` is `postgresql`. */
  readonly postgresql?: PostgresqlSettings;
}

/** Either `url`, or the parts. */
export interface PostgresqlSettings {
  readonly url?: Secret;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password?: Secret;
  /** Most connections of one process. */
  readonly pool: number;
  /** `undefined`: not encrypted. Paths are absolute. `verify: false`: the certificate is not checked. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly verify?: boolean };
}

export function readDatabase(database: ParsedDatabase, base: PathBase): DatabaseSection {
  const path = resolvePath(database.path, base);
  if (database.type === "sqlite") return { type: "sqlite", path };
  const tls = readTls(database.tls, base);
  const postgresql: PostgresqlSettings = {
    ...(database.url === undefined ? {} : { url: new Secret(database.url) }),
    host: database.host ?? "localhost",
    port: database.port ?? 5432,
    database: database.database ?? "tokligence",
    username: database.username ?? "tokligence",
    ...(database.password === undefined ? {} : { password: new Secret(database.password) }),
    pool: database.pool,
    ...(tls === undefined ? {} : { tls }),
  };
  return { type: "postgresql", path, postgresql };
}

function readTls(tls: ParsedDatabase["tls"], base: PathBase): PostgresqlSettings["tls"] {
  if (tls === "require") return { verify: false };
  if (typeof tls !== "object") return tls === true || (typeof tls === "string" && isTrueText(tls)) ? {} : undefined;
  const { ca, cert, key } = tls;
  return {
    ...(ca === undefined ? {} : { ca: resolvePath(ca, base) }),
    ...(cert === undefined ? {} : { cert: resolvePath(cert, base) }),
    ...(key === undefined ? {} : { key: resolvePath(key, base) }),
  };
}
