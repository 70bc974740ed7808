import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { EntriesPage, UsageReport } from "../../src/ledger/index.ts";
import { withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Home } from "./processes.ts";
import { createHome, endBy } from "./processes.ts";

let mock: MockUpstream;
let home: Home;
before(async () => {
  mock = await createMockUpstream({ validate: false });
  home = await createHome();
  await home.writeConfig(withMockUpstream(mock.url, 'prices: { gpt-mock: { input: "0", output: "100000" } }\n'));
});
after(async () => {
  await home.clear();
  await mock.close();
});

/** @returns what the command printed; it must have gone well. */
async function usage(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await home.tokligence("usage", ...args);
  assert.deepEqual([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

test("usage, entries and exports, of a running daemon and without one", async () => {
  assert.equal((await home.tokligence("user", "list")).stdout, "No users yet. Next: tokligence user create NAME\n");
  assert.ok(!existsSync(home.database), "a list makes no database");
  const made = JSON.parse((await home.tokligence("user", "create", "alice", "--json")).stdout) as { id: string };
  const { key } = JSON.parse((await home.tokligence("apikey", "create", "alice", "--json")).stdout) as { key: string };
  assert.equal(await usage(), "No usage yet.\n");

  const daemon = await home.start();
  const ask = async ({ url }: { readonly url: string }, model: string): Promise<void> => {
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json", "x-tokligence-tags", "team:search, nightly"];
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
    await sendRaw(url, { path: "/v1/chat/completions", headers, body });
  };
  for (const model of ["gpt-mock", "=nobody"]) await ask(daemon, model);
  // Entries are written some 20 ms after the answer; a daemon that has ended has written all.
  await endBy(daemon, "SIGTERM");

  const readCsv = async (): Promise<unknown> => {
    const csv = await usage("--by", "user,model", "--csv");
    return csv.split("\r\n").map((line) => [...line.split(",").slice(0, 3), ...line.split(",").slice(12)]);
  };
  const expectedCsv = [
    ["user", "model", "requests", "user_name"],
    [made.id, "'=nobody", "1", "alice"],
    [made.id, "gpt-mock", "1", "alice"],
    [""],
  ];
  assert.deepEqual(await readCsv(), expectedCsv);
  const report = JSON.parse(await usage("--by", "model", "--provider", "openai", "--json")) as UsageReport;
  const entries = JSON.parse(await usage("--entries", "--tag", "nightly", "--status", "ok", "--json")) as EntriesPage;
  const jsonl = await usage("--entries", "--jsonl", "--limit", "1");
  assert.deepEqual(
    [
      report.rows.map(({ group, requests }) => [group["model"], requests]),
      entries.entries.map(({ model_served, tags }) => [model_served, tags]),
      jsonl.split("\n").map((line) => (line === "" ? "" : (JSON.parse(line) as { status: string }).status)),
    ],
    [[["gpt-mock", 1]], [["gpt-mock", ["team:search", "nightly"]]], ["refused", ""]],
  );
  assert.match(await usage("--by", "tag"), /^TAG +REQUESTS[^\n]+\nnightly +2 [^\n]+\nteam:search +2 [^\n]+\ntotal +2 /);
  assert.match(
    await usage("--entries", "--limit", "1"),
    /^TIME +USER +KEY[^\n]+TAGS\n[^\n]+ alice +tok_[^\n]+ =nobody +- +refused 404 model_not_found [^\n]+team:search nightly\nThere are older ones\. Give --limit, --csv or --jsonl\.\n$/,
  );
  assert.match(
    await usage("--by", "model", "--limit", "1"),
    /There are more rows than these; the total is of all\. Give --limit or --csv\.\n$/,
  );
  assert.match(await usage(), /^USER +KEY +MODEL [^\n]+\nalice +tok_.{4}… +=nobody /);
  assert.match(await usage("--ids", "--by", "user"), new RegExp(`^USER [^\\n]+\\n${made.id} `));
  assert.equal(await usage("--from", "2020-01-01", "--to", "2020-02-01"), "No usage in this time.\n");
  assert.equal(await usage("--key", key.slice(0, 8), "--model", "nothing"), "No such usage.\n");
  const again = await home.start();
  assert.deepEqual(await readCsv(), expectedCsv);
  await ask(again, "claude-mock");
  await endBy(again, "SIGTERM");
  assert.match(
    await usage("--by", "provider"),
    /^PROVIDER .* COST USD +UNPRICED\n- .* 0 +0\nanthropic .* - +1\nopenai .* 4\.3 +0\ntotal .* 4\.3 +1\nUNPRICED are attempts of models without a known price; COST USD is without theirs\.\n$/,
  );

  for (const [args, problem] of [
    [["--csv", "--limit", "none"], '--limit takes a whole number from 1 on; found "none".'],
    [["--by", "tag,model", "--csv"], "Usage by tag is known by user, day and hour"],
    [["--status", "error"], "--status is of single entries. Give --entries as well."],
    [["--entries", "--by", "day"], "--by is of sums, --entries shows single entries. Give one of them."],
    [["--csv", "--json"], "Give one of --json, --csv and --jsonl."],
    [["--stats", "error"], "unknown option '--stats' (Did you mean --status?). See `tokligence usage --help`.\n"],
    [["all"], "too many arguments for 'usage'. Expected 0 arguments but got 1: all. See `tokligence usage --help`.\n"],
  ] as const) {
    const { code, stdout, stderr } = await home.tokligence("usage", ...args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.ok(stderr.includes(problem), stderr);
  }
  const bare = await home.tokligence("user");
  assert.deepEqual([bare.code, bare.stdout], [1, ""]);
  assert.match(bare.stderr, /^Usage: tokligence user [^]*enable [^\n]*\n/);
});

test("a reader that goes before the end, as head does, is no error", async () => {
  const bin = fileURLToPath(new URL("../../bin/tokligence.js", import.meta.url));
  const child = spawn(process.execPath, [bin, "version"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close") as Promise<[number | null]>]);
  assert.deepEqual([code, said], [0, ""]);
});
