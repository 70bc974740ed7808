import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { estimatePrompt } from "../../src/ir/index.ts";
import type { BudgetState } from "../../src/ledger/index.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { withMockUpstream } from "../e2e/harness.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Home } from "./processes.ts";
import { createHome } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

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

async function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await home.tokligence(...args);
  return { code, stdout, stderr };
}

async function listed(...args: string[]): Promise<unknown> {
  const { stdout, stderr } = await run("budget", "list", ...args, "--json");
  assert.equal(stderr, "");
  return (JSON.parse(stdout) as BudgetState[]).map(({ period, warn_usd, stop_usd }) => ({ period, warn_usd, stop_usd }));
}

test("what is wrong on the command line is one line that says what to do", async () => {
  const wrong: readonly (readonly [args: readonly string[], problem: RegExp])[] = [
    [
      ["budget", "set", "provider:opnai", "--stop", "1"],
      /No provider of the configuration has this name\. Did you mean provider:openai\?$/,
    ],
    [["limit", "set", "provider:opnai", "--rpm", "1"], /No provider of the configuration has this name\. Did you mean provider:openai\?$/],
    [
      ["reconcile", "--provider", "openai", "--file", "nowhere.csv"],
      /nowhere\.csv cannot be read: there is no such file\. Give the exported file with --file\.$/,
    ],
    [["market", "share", "loopback", "--concurrency", "x"], /--concurrency must be a whole number from 1 up, not "x"\.$/],
  ];
  for (const [args, problem] of wrong) {
    const { code, stdout, stderr } = await run(...args);
    assert.deepEqual([code, stdout, stderr.split("\n").length], [1, "", 2], stderr);
    assert.match(stderr.trimEnd(), problem);
  }
});

test("budget set, list and remove, without a daemon; a daemon that is started then keeps to it, and to a change by a command", async () => {
  await run("user", "create", "alice");
  const { key, expires_at, models } = JSON.parse(
    (await run("apikey", "create", "alice", "--expires", "30d", "--models", "gpt-*, !gpt-5-pro", "--json")).stdout,
  ) as { key: string; expires_at: string; models: string[] };
  assert.ok(Date.parse(expires_at) > Date.now() + 29 * 86_400_000);
  assert.deepEqual(models, ["gpt-*", "!gpt-5-pro"]);
  assert.match(
    (await run("apikey", "list")).stdout,
    /^USER +KEY +ROLE +STATE +CREATED +MODELS\nalice +tok_.{4}… +user +until [^\n]+gpt-\*,!gpt-5-pro\n$/,
  );

  assert.equal((await run("budget", "list")).stdout, "No budgets. Next: tokligence budget set USER --stop 20\n");
  const set = await run("budget", "set", "alice", "--stop", "20", "--warn", "15");
  assert.deepEqual([set.code, set.stderr], [0, ""]);
  assert.match(set.stdout, /PERIOD +WARN USD +STOP USD[^\n]+\nalice +month +15 +20 +0 +0 +20 +20/);
  // A limit that is not given stays as it was.
  await run("budget", "set", "alice", "--warn", "12");
  assert.deepEqual(await listed("alice"), [{ period: "month", warn_usd: "12", stop_usd: "20" }]);
  await run("budget", "set", "alice", "--warn", "none");
  assert.deepEqual(await listed("alice"), [{ period: "month", warn_usd: null, stop_usd: "20" }]);
  await run("budget", "set", "alice", "--warn", "15");
  for (const [limits, problem] of [
    [["--stop", "14"], "--warn (15) is more than --stop (14), so nobody would be warned in time."],
    [["--stop", "none", "--warn", "none"], "Give --stop, --warn, or both: a budget without a limit is none."],
  ] as const) {
    assert.deepEqual(await run("budget", "set", "alice", ...limits), { code: 1, stdout: "", stderr: `tokligence: ${problem}\n` });
  }
  await run("budget", "set", "alice", "--period", "day", "--stop", "0.5");
  assert.deepEqual(await listed("alice"), [
    { period: "month", warn_usd: "15", stop_usd: "20" },
    { period: "day", warn_usd: null, stop_usd: "0.5" },
  ]);
  assert.deepEqual(await run("budget", "remove", "alice", "--period", "total"), {
    code: 1,
    stdout: "",
    stderr: 'tokligence: There is no such budget of "alice". `tokligence budget list` shows them all.\n',
  });
  assert.deepEqual(await run("budget", "set", "alice", "--period", "week", "--stop", "1").then(({ code }) => code), 1);

  const daemon = await home.start();
  const ask = async (): Promise<number> =>
    (
      await sendRaw(`http://127.0.0.1:${daemon.port}`, {
        path: "/v1/chat/completions",
        headers: ["authorization", `Bearer ${key}`, "content-type", "application/json"],
        body: JSON.stringify({ model: "gpt-mock", max_tokens: 10, messages: [{ role: "user", content: "hi" }] }),
      })
    ).status;
  assert.equal(await ask(), 402);
  assert.match((await run("budget", "remove", "alice", "--period", "day")).stdout, /^The budget of alice \(day\) is removed\.\n$/);
  await waitUntil("the budget is gone", async () => (await ask()) === 200, 1000);
  assert.deepEqual(await listed(), [{ period: "month", warn_usd: "15", stop_usd: "20" }]);
});

test("an error about an option of several words has the option's own name", async () => {
  const refused = await run("prices", "gpt-mock", "--as-of", "never");
  assert.match(refused.stderr, /^tokligence: --as-of takes a day such as /);
});

test("a process that is killed holds nothing after the next start, and the request that died with it is charged its prompt", async () => {
  const home = await createHome();
  try {
    await home.writeConfig(withMockUpstream(mock.url, 'prices: { gpt-mock: { input: "1000", output: "100000" } }\n'));
    await home.tokligence("user", "create", "bob");
    const { key } = JSON.parse((await home.tokligence("apikey", "create", "bob", "--json")).stdout) as { key: string };
    await home.tokligence("budget", "set", "bob", "--stop", "20");
    const state = async (): Promise<{ spent: string; held: string }> => {
      const [{ spent_usd: spent, held_usd: held }] = JSON.parse((await home.tokligence("budget", "list", "bob", "--json")).stdout) as [
        BudgetState,
      ];
      return { spent, held };
    };
    const daemon = await home.start();
    mock.reset();
    mock.enqueue({ trouble: { kind: "hang", afterPieces: "headers" } });
    const body = JSON.stringify({ model: "gpt-mock", max_tokens: 100, messages: [{ role: "user", content: "hi" }] });
    const lost = sendRaw(`http://127.0.0.1:${daemon.port}`, {
      path: "/v1/chat/completions",
      headers: ["authorization", `Bearer ${key}`, "content-type", "application/json"],
      body,
    }).catch(() => undefined);
    await waitUntil("the upstream is asked", () => mock.requests.some((request) => request.url.endsWith("/chat/completions")));
    // A prompt token is a tenth of a cent, one of the output ten cents.
    const prompt = estimatePrompt(body) / 1000;
    assert.deepEqual(await state(), { spent: "0", held: String(10 + prompt) });
    daemon.child.kill("SIGKILL");
    await Promise.all([daemon.ended, lost]);
    const next = await home.start();
    assert.deepEqual(await state(), { spent: String(prompt), held: "0" });
    next.child.kill("SIGTERM");
    await next.ended;
  } finally {
    await home.clear();
  }
});
