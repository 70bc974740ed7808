import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Makes a database and a configuration as an older commit wrote them, from git's history: `node scripts/make-upgrade-fixture.ts COMMIT`. The older program
 * itself makes users, keys, a limit and requests. `tests/process/upgrade.test.ts` brings the result up to date.
 */

const out = "tests/process/upgrade";
const question = { model: "loopback", messages: [{ role: "user", content: "Hello there" }] };

function quote(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  return `'${(value as string).replaceAll("'", "''")}'`;
}

/** All of a database as SQL. */
function dump(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const objects = database
      .prepare("select type, name, sql from sqlite_master where sql is not null and name not like 'sqlite_%'")
      .all() as {
      readonly type: string;
      readonly name: string;
      readonly sql: string;
    }[];
    const tables = objects.filter(({ type }) => type === "table");
    const rows = tables.flatMap(({ name }) =>
      database
        .prepare(`select * from "${name}"`)
        .all()
        .map((row) => `insert into "${name}" values (${Object.values(row).map(quote).join(", ")});`),
    );
    const { user_version: version } = database.prepare("pragma user_version").get() as { readonly user_version: number };
    const others = objects.filter(({ type }) => type !== "table");
    return `${[...tables.map(({ sql }) => `${sql};`), ...rows, ...others.map(({ sql }) => `${sql};`), `pragma user_version = ${version};`].join("\n")}\n`;
  } finally {
    database.close();
  }
}

async function run(commit: string): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "tokligence-old-"));
  const tree = join(home, "tree");
  execFileSync("git", ["worktree", "add", "--quiet", "--detach", tree, commit]);
  try {
    symlinkSync(resolve("node_modules"), join(tree, "node_modules"));
    const config = join(home, "config.yaml");
    const env = { HOME: home, PATH: process.env["PATH"] ?? "" };
    const old = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [join(tree, "bin/tokligence.js"), "--config", config, ...args], { env, encoding: "utf8" });
    const daemon = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [join(tree, "bin/tokligence-daemon.js"), "--config", config, ...args], { env, encoding: "utf8" });
    writeFileSync(
      config,
      `database:\n  path: ${join(home, "gateway.db")}\ngateway:\n  work_mode: auto\nmodel_aliases:\n  fast: loopback\n`,
    );
    const { port } = JSON.parse(daemon("start", "--background", "--port", "0", "--json")) as { readonly port: number };
    old("user", "create", "alice", "--email", "alice@example.com");
    const { key } = JSON.parse(old("apikey", "create", "alice", "--name", "laptop", "--json")) as { readonly key: string };
    for (const model of ["loopback", "fast"]) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ ...question, model }),
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
    }
    daemon("stop");
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "database.sql"), dump(join(home, "gateway.db")));
    // The test puts a path in its place.
    writeFileSync(join(out, "config.yaml"), readFileSync(config, "utf8").replace(join(home, "gateway.db"), "gateway.db"));
    const full = execFileSync("git", ["rev-parse", commit], { encoding: "utf8" }).trim();
    writeFileSync(join(out, "facts.json"), `${JSON.stringify({ commit: full, key, users: ["admin", "alice"], requests: 2 }, null, 2)}\n`);
  } finally {
    if (existsSync(tree)) execFileSync("git", ["worktree", "remove", "--force", tree]);
    rmSync(home, { recursive: true, force: true });
  }
}

const [commit] = process.argv.slice(2);
if (commit === undefined) throw new Error("Name the commit whose program makes the database.");
await run(commit);
