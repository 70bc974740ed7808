import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Secret } from "../../core/index.ts";
import { parsePostgresUrl, type PostgresPlace, type PostgresTls } from "./place.ts";
import { StoreError } from "../store-error.ts";

function parse(url: string, tls?: PostgresTls): Record<string, unknown> {
  const { password, ...rest }: PostgresPlace = parsePostgresUrl(new Secret(url), tls);
  return { ...rest, ...(password === undefined ? {} : { password: password.reveal() }) };
}

function refusal(url: string): string {
  try {
    parse(url);
  } catch (error) {
    assert.ok(error instanceof StoreError);
    return error.message;
  }
  throw new Error("it was taken");
}

const plain = { host: "db", port: 5432, database: "gw", username: "u" };

describe("the URL of a PostgreSQL database", () => {
  it("is taken apart, with escapes undone", () => {
    assert.deepStrictEqual(parse("postgres://ann%40x:p%2Fw%3A1@db.example.com:6543/my%20db"), {
      host: "db.example.com",
      port: 6543,
      database: "my db",
      username: "ann@x",
      password: "p/w:1",
    });
    assert.deepStrictEqual(parse("postgresql://u@[::1]/gw"), { ...plain, host: "::1" });
    assert.deepStrictEqual(parse("postgres:///gw?host=/var/run/postgresql"), {
      ...plain,
      host: "/var/run/postgresql",
      username: "tokligence",
    });
    assert.deepStrictEqual(parse("postgres://u@db"), { ...plain, database: "u" });
  });

  it("decides by its sslmode whether TLS is used; without it the setting decides", () => {
    assert.deepStrictEqual(parse("postgres://u@db/gw"), plain);
    assert.deepStrictEqual(parse("postgres://u@db/gw", { ca: "/a.pem" }), { ...plain, tls: { ca: "/a.pem" } });
    assert.deepStrictEqual(parse("postgres://u@db/gw?sslmode=disable", { ca: "/a.pem" }), plain);
    assert.deepStrictEqual(parse("postgres://u@db/gw?sslmode=require"), { ...plain, tls: { verify: false } });
    assert.deepStrictEqual(parse("postgres://u@db/gw?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem"), {
      ...plain,
      tls: { ca: "/ca.pem", cert: "/c.pem", key: "/k.pem" },
    });
  });

  it("heeds libpq's parameters and refuses others by name", () => {
    assert.deepStrictEqual(
      parse(
        "postgres:///?host=db&port=6000&user=u&dbname=gw&password=p&options=-c%20search_path%3Dapp&application_name=a&connect_timeout=3&channel_binding=require",
      ),
      {
        ...plain,
        port: 6000,
        password: "p",
        options: "-c search_path=app",
        applicationName: "a",
        connectTimeoutMs: 3000,
        channelBinding: true,
      },
    );
    assert.match(
      refusal("postgres://u@db/gw?pgbouncer=true"),
      /^The database's URL has a parameter "pgbouncer" that this program does not support\./,
    );
    assert.match(refusal("postgres://u@db/gw?connect_timeout=soon"), /^connect_timeout in the database's URL must be/);
  });

  it("with signs that must be encoded says how, without repeating them", () => {
    for (const url of ["u:hun#ter2@db/gw", "u:1#hunter2@db/gw", "u:1/hunter2@db/gw", "u:hun/ter2@db/gw", "u:hun?ter2@db/gw"]) {
      assert.match(
        refusal(`postgres://${url}`),
        /^The database's URL cannot be taken apart\. In a name or a password write # as %23, (?!.*ter2)/,
      );
    }
  });

  it("is refused without repeating what may be a password", () => {
    assert.deepStrictEqual(
      ["mysql://u:hunter2@db/gw", "hunter2", "postgres://u:hunter2%@db/gw", "postgres://u:hunter2@db/gw?sslmode=prefer"].map(refusal),
      [
        "The database's URL is not a PostgreSQL URL. Write it as in postgres://user:password@host:5432/database.",
        "The database's URL is not a PostgreSQL URL. Write it as in postgres://user:password@host:5432/database.",
        "The database's URL has a % that does not begin an escape: write %25 for a % in a name or a password.",
        "The database's URL has an sslmode that this program does not support. Use disable, require, verify-ca or verify-full.",
      ],
    );
  });
});
