import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { UsageEntry, UsageReport } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let alice: Caller;
let bob: Caller;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url, "prices: { gpt-mock: { input: 1, output: 2.5 } }\n") });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  alice = await gateway.createKey("alice");
  bob = await gateway.createKey("bob");
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

const messages = [{ role: "user", content: "hi" }];
const dialects = [
  { path: "/v1/chat/completions", body: { model: "gpt-mock", messages } },
  { path: "/v1/responses", body: { model: "gpt-mock", input: "hi" } },
  { path: "/v1/messages", body: { model: "claude-mock", max_tokens: 5, messages } },
  { path: "/v1beta/models/gemini-mock:generateContent", body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] } },
] as const;

async function post(caller: Caller, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${gateway.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function get(key: string, path: string): Promise<Response> {
  await gateway.gateway.ledger.flush();
  return await fetch(`${gateway.url}/api/v1${path}`, { headers: { authorization: `Bearer ${key}` } });
}

test("tags are kept with the request in every dialect, and no upstream sees them", async () => {
  const caller = await gateway.createKey("tagger");
  for (const { path, body } of dialects) {
    mock.reset();
    const answer = await post(caller, path, body, { "x-tokligence-tags": "team:search, release/7,team:search" });
    assert.equal(answer.status, 200, await answer.text());
    const sent = mock.requests.flatMap((request) => request.rawHeaders);
    assert.equal(mock.requests.length, 1, path);
    assert.ok(!sent.some((text) => /tags|team:search/i.test(text)), sent.join());
  }
  const { entries } = (await (await get(caller.key, "/me/usage/entries?tag=release/7")).json()) as { entries: UsageEntry[] };
  assert.deepEqual(
    entries.map(({ tags }) => tags),
    dialects.map(() => ["team:search", "release/7"]),
  );
  const report = (await (await get(caller.key, "/me/usage?group_by=tag")).json()) as UsageReport;
  assert.deepEqual(
    [report.rows.map(({ group, requests }) => [group["tag"], requests]), report.totals.requests],
    [
      [
        ["release/7", 4],
        ["team:search", 4],
      ],
      4,
    ],
  );
});

test("a header of tags that cannot be taken is a 400 in the dialect, and its entry has no tags", async () => {
  const caller = await gateway.createKey("mistaken");
  mock.reset();
  const problem =
    "The header x-tokligence-tags cannot be taken: a tag is made of ASCII letters, digits and . _ : / @ -, and begins with a letter or a digit.";
  for (const { path, body } of dialects) {
    const answer = await post(caller, path, body, { "x-tokligence-tags": "=1+1" });
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    assert.deepEqual([answer.status, error["message"]], [400, problem], path);
  }
  assert.equal(mock.requests.length, 0);
  const { entries } = (await (await get(caller.key, "/me/usage/entries")).json()) as { entries: UsageEntry[] };
  assert.deepEqual(
    entries.map(({ status, tags, error_code }) => [status, tags, error_code]),
    dialects.map(() => ["refused", [], "invalid_request"]),
  );
});

test("usage is downloaded as CSV and as lines of JSON: a user's own, all of it for admins", async () => {
  for (const [caller, model] of [
    [alice, "gpt-mock"],
    [bob, "gpt-mock"],
    [bob, "=nobody-serves-this"],
  ] as const) {
    await (await post(caller, "/v1/chat/completions", { model, messages })).text();
  }
  const entries = await get(bob.key, "/me/usage/entries?format=csv");
  assert.deepEqual(
    [entries.status, entries.headers.get("content-type"), entries.headers.get("content-disposition")],
    [200, "text/csv; charset=utf-8; header=present", 'attachment; filename="entries.csv"'],
  );
  const lines = (await entries.text()).split("\r\n");
  const cells = lines.slice(1, -1).map((line) => line.split(","));
  const column = (name: string): number => lines[0]!.split(",").indexOf(name);
  assert.deepEqual(
    cells.map((row) => [row[column("user_id")], row[column("model_asked")], row[column("status")]]),
    [
      [bob.user.id, "'=nobody-serves-this", "refused"],
      [bob.user.id, "gpt-mock", "ok"],
    ],
  );

  const report = `?group_by=user,model&model=gpt-mock&format=csv`;
  const all = await (await get(gateway.adminKey, `/usage${report}`)).text();
  assert.deepEqual(
    all
      .split("\r\n")
      .map((line) => line.split(",").slice(0, 4))
      .filter(([user]) => ["user", alice.user.id, bob.user.id].includes(user!)),
    [["user", "model", "requests", "attempts"], ...[alice, bob].map(({ user }) => [user.id, "gpt-mock", "1", "1"])],
  );
  const own = await (await get(alice.key, `/me/usage${report}`)).text();
  assert.deepEqual(
    own.split("\r\n").map((line) => line.split(",").slice(0, 3)),
    [["user", "model", "requests"], [alice.user.id, "gpt-mock", "1"], [""]],
  );
  const jsonl = await (await get(gateway.adminKey, `/usage/entries?format=jsonl&user=bob&status=ok`)).text();
  assert.deepEqual(
    jsonl
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as UsageEntry).model_served),
    ["gpt-mock"],
  );
  assert.equal((await get(alice.key, "/usage?format=csv")).status, 403);
});

test("what no sums are kept by is said, not guessed", async () => {
  const refused = async (path: string): Promise<unknown> => {
    const answer = await get(gateway.adminKey, path);
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    return [answer.status, error["param"], error["message"]];
  };
  const words = (name: string): string =>
    `Usage by tag is known by user, day and hour, not by "${name}". Leave out either, or read the entries, which can be filtered by all of them.`;
  assert.deepEqual(
    [
      await refused("/usage?group_by=tag,model"),
      await refused("/usage?tag=a&group_by=day&provider=openai"),
      await refused("/usage?tag=a&group_by=day&format=csv&key_id=key_1"),
    ],
    [
      [400, "group_by", words("model")],
      [400, "provider", words("provider")],
      [400, "key_id", words("key_id")],
    ],
  );
});

test("a long download goes out in pieces, and one that its client leaves ends", async () => {
  const caller = await gateway.createKey("reader");
  const rows = 3000;
  const values = Array.from({ length: rows }, (_, i) => `('req_long_${i}',1,${1_700_000_000_000 + i},'${caller.user.id}')`).join(",");
  await gateway.sql(
    `insert into usage_entries (request_id,attempt,time_ms,user_id,duration_ms,key_id,dialect,provider,model_asked,model_served,direction,status,usage_source,http_status)
     select column1,column2,column3,column4,1,'','openai-chat','','','${"m".repeat(200)}','consume','ok','none',200 from (values ${values})`,
  );
  const whole = await get(caller.key, "/me/usage/entries?format=csv");
  assert.equal(whole.headers.get("transfer-encoding"), "chunked");
  assert.equal((await whole.text()).split("\r\n").length, rows + 2);
  const left = await get(caller.key, "/me/usage/entries?format=csv");
  await left.body!.cancel();
  assert.equal((await get(caller.key, "/me/usage")).status, 200);
});

test("answers are looked at for calls of tools once their clients have them, one of ten at least, streamed or not", async () => {
  const caller = await gateway.createKey("tools");
  const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
  for (let i = 0; i < 40; i++) {
    const args = i % 2 === 0 ? '{"city":"Bern"}' : '{"town":"Bern"}';
    const asked = [{ role: "user", content: `call get_weather ${args}` }];
    const answer = await post(caller, "/v1/chat/completions", { model: "loopback", messages: asked, tools, stream: i >= 20 });
    assert.match(await answer.text(), /get_weather/);
  }
  const rows = (await gateway.rows()).filter((row) => row.user_id === caller.user.id);
  const looked = rows.filter((row) => row.tool_calls !== null);
  assert.equal(rows.length, 40);
  // All of them, while there is time for it.
  assert.ok(looked.length >= 4, String(looked.length));
  for (const row of looked) {
    assert.deepEqual([row.tool_calls, row.tool_calls_parsed], [1, 1]);
    assert.ok(row.tool_calls_fit === 0 || row.tool_calls_fit === 1);
  }
  assert.deepEqual(new Set(looked.map(({ stream }) => stream)), new Set([0, 1]));
});
