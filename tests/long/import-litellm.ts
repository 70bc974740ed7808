import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { loadSettings } from "../../src/app/config/index.ts";
import { planConfig } from "../../src/app/import/litellm/plan-config.ts";
import { isTable, readLitellmConfig } from "../../src/app/import/litellm/read-config.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createHome } from "../process/processes.ts";
import { sharedPostgres } from "../testbed/shared-postgres.ts";
import { writeFigures } from "./figures.ts";

/** The import is tried on LiteLLM's own example configurations, and on a database made by its own migrations. Needs `pip` and a registry. */
const versions = ["litellm==1.110.2", "litellm-proxy-extras==0.4.110"];
const figures = { configurations: 0, migrations: 0, keys: 0 };
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "tokligence-litellm-"));
  const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, ...versions];
  execFileSync("python3", pip, { stdio: "inherit", timeout: 600_000 });
  for (const wheel of globSync(join(folder, "*.whl"))) execFileSync("python3", ["-m", "zipfile", "-e", wheel, join(folder, "unpacked")]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Variables that the examples name, so that the new configuration can be checked as a whole. */
const anyVariable = new Proxy<Record<string, string>>(
  {},
  {
    get: (_, name) => (String(name).includes("PORT") ? "6379" : "http://127.0.0.1:9"),
  },
);

test("each of LiteLLM's example configurations becomes a configuration that loads, and every setting is taken over or named", () => {
  const files = globSync(join(folder, "unpacked/litellm/proxy/{example_config_yaml/*,*}.yaml")).filter((file) =>
    /model_list|_settings/.test(readFileSync(file, "utf8")),
  );
  assert.ok(files.length >= 20, `${files.length} files`);
  for (const file of files) {
    const config = readLitellmConfig(file);
    const { tree, notes } = planConfig(config);
    const variables = [...stringify(tree).matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]!);
    const env = Object.fromEntries(variables.map((name) => [name, anyVariable[name]]));
    loadSettings({ path: join(folder, "config.yaml"), text: stringify(tree), env });
    const list = Array.isArray(config["model_list"]) ? (config["model_list"] as unknown[]) : [];
    for (const [index, entry] of list.entries()) {
      const name = isTable(entry) ? String(entry["model_name"]) : "";
      const isThere = JSON.stringify(tree).includes(JSON.stringify(name)) || name.includes("*");
      const isNamed = notes.some(({ path }) => path.startsWith(`model_list[${index}]`));
      assert.ok(isThere || isNamed, `${basename(file)}: ${name}`);
    }
    figures.configurations += 1;
  }
});

test("keys in a database made by LiteLLM's migrations are accepted after one command, with their budgets and limits", async () => {
  const postgres = await sharedPostgres();
  const database = await postgres.createDatabase();
  const migrations = globSync(join(folder, "unpacked/litellm_proxy_extras/migrations/*/migration.sql")).toSorted();
  for (const file of migrations) await postgres.run(database, readFileSync(file, "utf8").replaceAll(/\bCONCURRENTLY\b/gi, ""));
  figures.migrations = migrations.length;
  const keys = Array.from({ length: 20 }, (_, i) => `sk-Key_${i}-${"x".repeat(i)}`);
  await postgres.run(
    database,
    `insert into "LiteLLM_UserTable" (user_id, user_email, user_role, max_budget, spend, models) values ('default_user_id', 'root@example.com', 'proxy_admin', 100, 12.5, '{}'), ('u1', 'alice@example.com', 'internal_user', null, 0, '{}');
     insert into "LiteLLM_TeamTable" (team_id, team_alias, max_budget, spend, models, rpm_limit, admins, members) values ('t1', 'Search', 50, 7, '{}', 60, '{}', '{}');`,
  );
  for (const [i, key] of keys.entries()) {
    const hash = createHash("sha256").update(key).digest("hex");
    const [blocked, expires] = [i === 18, i === 19 ? "now() - interval '1 day'" : "null"];
    await postgres.run(
      database,
      `insert into "LiteLLM_VerificationToken" (token, key_name, key_alias, user_id, team_id, spend, max_budget, models, blocked, expires)
       values ('${hash}', 'sk-...${key.slice(-4)}', 'key ${i}', '${i % 2 === 0 ? "default_user_id" : "u1"}', ${i < 5 ? "'t1'" : "null"}, ${i}, ${i === 3 ? "3" : "1000"}, '{}', ${blocked}, ${expires});`,
    );
  }
  const home = await createHome();
  try {
    const file = join(folder, "unpacked/litellm/proxy/example_config_yaml/simple_config.yaml");
    const args = ["import", "litellm", file, "--database", postgres.url(database), "--apply", "--json"];
    const first = await home.tokligence(...args);
    assert.equal(first.code, 0, first.stderr);
    const report = JSON.parse(first.stdout) as { added: Record<string, number> };
    assert.deepEqual(report.added, { users: 2, keys: 20, budgets: 22, limits: 1, usage: 0 });
    const second = await home.tokligence(...args);
    assert.deepEqual((JSON.parse(second.stdout) as { added: unknown }).added, { users: 0, keys: 0, budgets: 0, limits: 0, usage: 0 });
    const started = await home.daemon("start", "--background", "--port", "0", "--json");
    assert.equal(started.code, 0, started.stderr);
    const { port } = JSON.parse(started.stdout) as { port: number };
    const statuses = await Promise.all(keys.map((key) => ask(port, key)));
    // The last two are blocked and expired.
    assert.deepEqual(
      statuses,
      keys.map((_, i) => (i >= 18 ? 401 : 200)),
    );
    const listed = await home.tokligence("budget", "list", "--json");
    const budgets = JSON.parse(listed.stdout) as { kind: string; stop_usd: string; spent_usd: string; left_usd: string }[];
    const { stop_usd: stop, spent_usd: spent, left_usd: left } = budgets.find(({ stop_usd: each }) => Number(each) === 3)!;
    assert.deepEqual([stop, spent, left].map(Number), [3, 3, 0]);
    assert.equal(
      budgets.reduce((sum, each) => sum + Number(each.spent_usd), 0),
      190 + 12.5 + 7,
    );
    figures.keys = keys.length;
  } finally {
    await home.clear();
  }
});

async function ask(port: number, key: string): Promise<number> {
  const { status } = await sendRaw(`http://127.0.0.1:${port}`, {
    path: "/v1/chat/completions",
    headers: ["authorization", `Bearer ${key}`, "content-type", "application/json", "connection", "close"],
    body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] }),
  });
  return status;
}

test("the figures are kept", () => {
  writeFigures("import-litellm", figures);
});
