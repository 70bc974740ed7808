import assert from "node:assert/strict";
import { after, before, test } from "node:test";
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
  const made = JSON.parse((await home.tokligence("user", "create", "alice", "--json")).stdout) as { id: string };
  const { key } = JSON.parse((await home.tokligence("apikey", "create", "alice", "--json")).stdout) as { key: string };
  assert.equal(await usage(), "No usage yet.\n");

  const daemon = await home.start();
  for (const model of ["gpt-mock", "=nobody"]) {
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json", "x-tokligence-tags", "team:search, nightly"];
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
    await sendRaw(daemon.url, { path: "/v1/chat/completions", headers, body });
  }
  // Entries are written some 20 ms after the answer; a daemon that has ended has written all.
  await endBy(daemon, "SIGTERM");

  const readCsv = async (): Promise<unknown> => {
    const csv = await usage("--by", "user,model", "--csv");
    return csv.split("\r\n").map((line) => line.split(",").slice(0, 3));
  };
  const expectedCsv = [["user", "model", "requests"], [made.id, "'=nobody", "1"], [made.id, "gpt-mock", "1"], [""]];
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
    /^TIME +REQUEST[^\n]+TAGS\n[^\n]+=nobody +refused[^\n]+team:search nightly\nThere are older ones\. Give --limit, --csv or --jsonl\.\n$/,
  );
  assert.match(
    await usage("--by", "model", "--limit", "1"),
    /There are more rows than these; the total is of all\. Give --limit or --csv\.\n$/,
  );
  const again = await home.start();
  assert.deepEqual(await readCsv(), expectedCsv);
  await endBy(again, "SIGTERM");

  for (const [args, problem] of [
    [["--csv", "--limit", "none"], '--limit takes a whole number from 1 on; found "none".'],
    [["--by", "tag,model", "--csv"], "Usage by tag is known by user, day and hour"],
  ] as const) {
    const { code, stdout, stderr } = await home.tokligence("usage", ...args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.ok(stderr.includes(problem), stderr);
  }
});
