import assert from "node:assert/strict";
import { test } from "node:test";
import { csvLine } from "./csv.ts";
import type { EntriesQuery } from "./entries.ts";
import { exportEntries, exportUsage, type NamedUsageEntry, type NamedUsageRow } from "./export.ts";
import type { UsageQuery } from "./reports.ts";

test("a CSV record is quoted if necessary, and is never a formula", () => {
  assert.equal(csvLine([]), "\r\n");
  assert.equal(
    csvLine(["a", null, 0, -1.5, "", 'say "hi"', "a,b", "a\nb", "a\rb", " a "]),
    'a,,0,-1.5,,"say ""hi""","a,b","a\nb","a\rb", a \r\n',
  );
  const formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", ' =HYPERLINK("http://x")', '=1,"'];
  assert.deepEqual(
    formulas.map((text) => csvLine([text])),
    ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", `"'\r=1"`, `"' =HYPERLINK(""http://x"")"`, `"'=1,"""`].map((cell) => `${cell}\r\n`),
  );
});

const sums = {
  requests: 1,
  attempts: 2,
  errors: 0,
  input_tokens: 10,
  output_tokens: 20,
  cache_read_tokens: 3,
  cache_write_tokens: 4,
  reasoning_tokens: 5,
  cost_usd: "0.1",
  unpriced_requests: 0,
};
const usageHeader =
  "user,model,requests,attempts,errors,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,reasoning_tokens,cost_usd,unpriced_requests,user_name\r\n";

async function read(text: AsyncIterable<string>): Promise<readonly string[]> {
  const chunks = [];
  for await (const chunk of text) chunks.push(chunk);
  return chunks;
}

test("a report is exported page by page, after a header", async () => {
  const rows: NamedUsageRow[] = [
    { group: { user: "usr_1", model: "=cmd" }, names: { user: "alice" }, ...sums },
    { group: { user: "usr_2", model: "gpt-5" }, names: {}, ...sums, cost_usd: null },
  ];
  const asked: UsageQuery[] = [];
  const readPage = (query: UsageQuery) => {
    asked.push(query);
    const at = query.after === undefined ? 0 : 1;
    return Promise.resolve({ rows: [rows[at]!], next: at === 0 ? "second" : null });
  };
  const query: UsageQuery = { groupBy: ["user", "model", "user"], userId: "usr_1" };
  assert.deepEqual(await read(exportUsage(readPage, query, "csv")), [
    `${usageHeader}usr_1,'=cmd,1,2,0,10,20,3,4,5,0.1,0,alice\r\n`,
    "usr_2,gpt-5,1,2,0,10,20,3,4,5,,0,\r\n",
  ]);
  assert.deepEqual(asked, [
    { ...query, limit: 1000 },
    { ...query, limit: 1000, after: "second" },
  ]);
  assert.deepEqual(
    await read(exportUsage(readPage, query, "jsonl")),
    rows.map((row) => `${JSON.stringify(row)}\n`),
  );
  const nothing = () => Promise.resolve({ rows: [], next: null });
  assert.deepEqual(await read(exportUsage(nothing, query, "csv")), [usageHeader]);
  assert.deepEqual(await read(exportUsage(nothing, query, "jsonl")), []);
});

test("an export ends at its limit, and reads no more rows than that", async () => {
  const asked: (number | undefined)[] = [];
  const readPage = ({ limit = 0 }: UsageQuery) => {
    asked.push(limit);
    return Promise.resolve({
      rows: Array.from({ length: limit }, () => ({ group: { user: "u" }, names: { user: "u" }, ...sums })),
      next: "more",
    });
  };
  const chunks = await read(exportUsage(readPage, { groupBy: ["user"], limit: 2300 }, "csv"));
  assert.deepEqual([asked, chunks.join("").split("\r\n").length], [[1000, 1000, 300], 2302]);
});

test("an entry is one record, with its tags in one cell and its price as JSON", async () => {
  const entry: NamedUsageEntry = {
    request_id: "req_1",
    attempt: 1,
    time: "2026-03-01T00:00:00.000Z",
    duration_ms: 12,
    ttft_ms: null,
    user_id: "usr_1",
    key_id: "key_1",
    dialect: "openai-chat",
    provider: "openai",
    model_asked: "-x",
    model_served: "gpt-5",
    input_tokens: 1,
    output_tokens: 2,
    cache_read_tokens: null,
    cache_write_5m_tokens: null,
    cache_write_1h_tokens: null,
    reasoning_tokens: 0,
    direction: "consume",
    status: "ok",
    usage_source: "reported",
    cost_usd: "0.1",
    price: { input: "1" },
    http_status: 200,
    error_code: null,
    tags: ["a", "b:c"],
    client_request_id: null,
    upstream_model: "x",
    protocol: "openai-responses",
    lane: "translated",
    stream: true,
    stop_reason: "stop",
    refused: false,
    attempt_reason: null,
    overhead_us: 210,
    region: null,
    service_class: "flex",
    units: { web_search: 2 },
    cost_lines: [{ what: "web_search", count: 2, rate: "0.01", cost_usd: "0.02" }],
    error_text: null,
    client_name: null,
    cache_savings_usd: "0.1",
    from_cache: false,
    firewall: "secrets block: secret 1",
    username: "alice",
    key_name: "laptop (tok_ab12…)",
  };
  const asked: EntriesQuery[] = [];
  const readPage = (query: EntriesQuery) => {
    asked.push(query);
    return Promise.resolve({ entries: [entry], next: null });
  };
  assert.deepEqual(await read(exportEntries(readPage, { status: "ok" }, "csv")), [
    "time,request_id,attempt,user_id,key_id,dialect,provider,model_asked,model_served,status,http_status,error_code,input_tokens,output_tokens,cache_read_tokens,cache_write_5m_tokens,cache_write_1h_tokens,reasoning_tokens,usage_source,cost_usd,price,duration_ms,ttft_ms,direction,tags,client_request_id,upstream_model,protocol,lane,stream,stop_reason,refused,attempt_reason,overhead_us,region,service_class,units,cost_lines,error_text,client_name,cache_savings_usd,from_cache,firewall,username,key_name\r\n" +
      `2026-03-01T00:00:00.000Z,req_1,1,usr_1,key_1,openai-chat,openai,'-x,gpt-5,ok,200,,1,2,,,,0,reported,0.1,"{""input"":""1""}",12,,consume,a b:c,,x,openai-responses,translated,true,stop,false,,210,,flex,"{""web_search"":2}","[{""what"":""web_search"",""count"":2,""rate"":""0.01"",""cost_usd"":""0.02""}]",,,0.1,false,secrets block: secret 1,alice,laptop (tok_ab12…)\r\n`,
  ]);
  assert.deepEqual(asked, [{ status: "ok", limit: 1000 }]);
  assert.deepEqual(await read(exportEntries(readPage, {}, "jsonl")), [`${JSON.stringify(entry)}\n`]);
});
