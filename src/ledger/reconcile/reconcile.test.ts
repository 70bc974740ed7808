import assert from "node:assert/strict";
import { test } from "node:test";
import { compareReport, type LedgerLine } from "./compare.ts";
import { readVendorReport, type ReportVendor } from "./read-report.ts";

const day = "2026-11-28";
const startSeconds = Date.UTC(2026, 10, 28) / 1000;
const read = (vendor: ReportVendor, content: unknown): unknown =>
  readVendorReport(vendor, typeof content === "string" ? content : JSON.stringify(content));

test("OpenAI's costs and usage are read, of the API and as CSV", () => {
  const page = (...results: object[]): object => ({ object: "page", data: [{ object: "bucket", start_time: startSeconds, results }] });
  assert.deepEqual(
    read(
      "openai",
      page(
        { amount: { value: 0.06, currency: "usd" }, line_item: "gpt-5-2025-08-07, cached input" },
        { amount: { value: 1 }, line_item: null },
      ),
    ),
    [
      { day, model: "gpt-5-2025-08-07", costUsd: 0.06 },
      { day, model: null, costUsd: 1 },
    ],
  );
  assert.deepEqual(read("openai", page({ input_tokens: 5, output_tokens: 7, num_model_requests: 2, model: "gpt-5" })), [
    { day, model: "gpt-5", requests: 2, inputTokens: 5, outputTokens: 7 },
  ]);
  // As the dashboard exports it, with a line for a day without costs.
  const names =
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,user_id,api_key_id,project_id";
  const times = `${startSeconds},${startSeconds + 86_400},2026-11-28T00:00:00+00:00,2026-11-29T00:00:00+00:00`;
  const csv = `\ufeff${names}\r\n${times},,,,,,,,\r\n${times},0.2500000000000000,usd,1000,tokens,"gpt-5-nano, input_tokens",,key_1,proj_a\r\n`;
  assert.deepEqual(read("openai", csv), [{ day, model: "gpt-5-nano", costUsd: 0.25 }]);
});

test("Anthropic's costs in cents and its usage with cached tokens are read, and the Console's CSV in dollars", () => {
  const report = (...results: object[]): object => ({
    data: [{ starting_at: `${day}T00:00:00Z`, ending_at: "2026-11-29T00:00:00Z", results }],
  });
  assert.deepEqual(
    read(
      "anthropic",
      report({ currency: "USD", amount: "12.5", model: "claude-opus-5", description: "Claude Opus 5 Usage - Input Tokens" }),
    ),
    [{ day, model: "claude-opus-5", costUsd: 0.125 }],
  );
  const usage = {
    model: "claude-opus-5",
    uncached_input_tokens: 5,
    cache_read_input_tokens: 20,
    cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 1000 },
    output_tokens: 7,
  };
  assert.deepEqual(read("anthropic", report(usage)), [{ day, model: "claude-opus-5", inputTokens: 1125, outputTokens: 7 }]);
  const costs =
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo,speed,api_key_id,api_key_status";
  const cost = (model: string, usd: string): string =>
    `${day},${model},Default,key,message,≤ 200k,output,${usd},${usd},token,global,,apikey_x,active\n`;
  assert.deepEqual(read("anthropic", `${costs}\n${cost("Claude Haiku 4.5", "0.05")}${cost("Claude 3.5 Sonnet 2024-10-22", "1.00")}`), [
    { day, model: "claude-haiku-4-5", costUsd: 0.05 },
    { day, model: "claude-3-5-sonnet-2024-10-22", costUsd: 1 },
  ]);
  const counts =
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h," +
    "usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed";
  assert.deepEqual(read("anthropic", `${counts}\n${day},claude-opus-5,key,Default,standard,≤ 200k,5,100,1000,20,7,0,,\n`), [
    { day, model: "claude-opus-5", inputTokens: 1125, outputTokens: 7 },
  ]);
});

test("Google's billing export is read as rows of BigQuery, lines of JSON and the console's CSV; other services are not", () => {
  const row = {
    service: { description: "Gemini API" },
    sku: { description: "Generate content output token count gemini 2.5 flash short" },
    usage_start_time: `${day} 08:00:00 UTC`,
    cost: 0.42,
  };
  const line = { day, model: "gemini-2.5-flash", costUsd: 0.42 };
  assert.deepEqual(read("google", [row, { ...row, service: { description: "Compute Engine" } }]), [line]);
  assert.deepEqual(read("google", `${JSON.stringify(row)}\n${JSON.stringify({ ...row, cost: "1" })}\n`), [line, { ...line, costUsd: 1 }]);
  const csv = `Service description,SKU description,Usage start date,Cost ($)\nVertex AI,Gemini 3 Pro Text Input,${day},"1,234.50"\n`;
  assert.deepEqual(read("google", csv), [{ day, model: "gemini-3-pro", costUsd: 1234.5 }]);
});

test("Google's cost table is read below the lines of its invoice, a line a month, without credits and taxes; other currencies need their rate", () => {
  const table = (symbol: string): string =>
    [
      "Invoice number,123,",
      "Total amount due,$95.00,",
      `Project ID,Service description,SKU description,Credit type,Cost type,Usage start date,Usage end date,Usage amount,Unrounded Cost (${symbol}),Cost (${symbol})`,
      'p,Gemini API,Generate_content text output token count for gemini 3 flash,,Usage,2026-11-01,2026-11-30,"1,000",60.004,60.00',
      "p,Gemini API,Gemini 3 Flash Image Input,,Usage,2026-11-03,2026-11-30,5,1.5,1.50",
      "p,Gemini API,Generate content input token count gemini 3 flash text,PROMOTION,Usage,2026-11-01,2026-11-30,0,-10,-10.00",
      "p,Gemini API,EmbedContent input token count for gemini-embedding-001,,Usage,2026-11-01,2026-11-30,5,0.06,0.06",
      "p,Gemini API,State sales tax,,Tax,2026-11-01,2026-11-30,0,7,7.00",
      "",
    ].join("\n");
  const month = { day: "2026-11-01", lastDay: "2026-11-30" };
  assert.deepEqual(read("google", table("$")), [
    { ...month, model: "gemini-3-flash", costUsd: 60.004 },
    { ...month, day: "2026-11-03", model: "gemini-3-flash", costUsd: 1.5 },
    { ...month, model: "gemini-embedding-001", costUsd: 0.06 },
  ]);
  assert.throws(() => read("google", table("A$")), /^Error: The costs are in A\$, and the ledger's are in US dollars/);
  const row = {
    service: { description: "Gemini API" },
    sku: { description: "Gemini 3.8 Flash Global Text Input" },
    usage_start_time: `${day} 08:00:00 UTC`,
  };
  const euros = { ...row, cost: 1.8, currency: "EUR", currency_conversion_rate: 0.9, cost_type: "regular" };
  assert.deepEqual(read("google", [euros, { ...euros, cost_type: "tax" }]), [{ day, model: "gemini-3.8-flash", costUsd: 2 }]);
});

test("OpenRouter's activity is read by day and by generation", () => {
  const item = {
    date: day,
    model: "openai/gpt-4.1",
    usage: 0.015,
    requests: 5,
    prompt_tokens: 50,
    completion_tokens: 125,
    reasoning_tokens: 25,
  };
  assert.deepEqual(read("openrouter", { data: [item] }), [
    { day, model: "openai/gpt-4.1", costUsd: 0.015, requests: 5, inputTokens: 50, outputTokens: 125 },
  ]);
  assert.deepEqual(
    read("openrouter", `created_at,cost_total,tokens_prompt,tokens_completion,model_permaslug\n${day} 10:00:00,0.5,3,4,a/b\n`),
    [{ day, model: "a/b", costUsd: 0.5, requests: 1, inputTokens: 3, outputTokens: 4 }],
  );
  const days =
    'Date,Slug,Usage,BYOK Usage,Requests,Prompt Tokens,Completion Tokens,Reasoning Tokens\n"2026-11-28 00:00:00","a/b","430.07","0","4115","7","5","0"\n';
  assert.deepEqual(read("openrouter", days), [{ day, model: "a/b", costUsd: 430.07, requests: 4115, inputTokens: 7, outputTokens: 5 }]);
});

test("a file without usage or costs is refused", () => {
  for (const text of ["", "{}", "[]", '{"data":[]}', "a,b\n1,2\n", '{"error":{"message":"no"}}']) {
    for (const vendor of ["openai", "anthropic", "google", "openrouter"] as const) {
      assert.throws(() => readVendorReport(vendor, text), /^Error: The file has no line of/, text);
    }
  }
  assert.throws(() => readVendorReport("google", '{"a":1}\n{b}'), /^Error: Line 2 of the file is not JSON\./);
});

const entry = (model: string, costUsd: number, more: Partial<LedgerLine> = {}): LedgerLine => ({
  day,
  model,
  costUsd,
  requests: 1,
  inputTokens: 100,
  outputTokens: 10,
  unpriced: 0,
  ...more,
});

test("costs are compared by day and model, without the dates of names and within the tolerance, and a difference has its reasons", () => {
  const rows = compareReport(
    [
      { day, model: "gpt-5-2025-08-07", costUsd: 5 },
      { day, model: "gpt-5", costUsd: 5 },
      { day, model: "gpt-5-mini", costUsd: 2 },
      { day, model: "o5", costUsd: 3 },
      { day, model: "gpt-4o", costUsd: 1 },
    ],
    [
      entry("gpt-5", 10.05),
      entry("gpt-5-mini", 4),
      entry("gpt-4.1", 7),
      entry("gpt-4o", 0.1, { unpriced: 3 }),
      entry("gpt-9", 5, { day: "2026-11-27" }),
    ],
    0.01,
  );
  assert.deepEqual(
    rows.map(({ model, what, vendor, ledger, reasons }) => [model, what, vendor, ledger, reasons.map((reason) => reason.split(/[:,]/)[0])]),
    [
      ["gpt-4.1", "cost_usd", 0, 7, ["not in the report"]],
      ["gpt-4o", "cost_usd", 1, 0.1, ["3 entries have no price"]],
      ["gpt-5", "cost_usd", 10, 10.05, []],
      ["gpt-5-mini", "cost_usd", 2, 4, ["half the price"]],
      ["o5", "cost_usd", 3, 0, ["not in the ledger"]],
    ],
  );
  const strict = compareReport([{ day, model: "gpt-5", costUsd: 10 }], [entry("gpt-5", 10.05)], 0);
  assert.deepEqual(
    strict.map(({ differs, reasons }) => [differs, reasons.length]),
    [[true, 1]],
  );
});

test("a report of all models is compared with all of them; tokens and requests are compared where they are reported", () => {
  const all = compareReport([{ day, model: null, costUsd: 3 }], [entry("a", 1), entry("b", 2)], 0.01);
  assert.deepEqual(all, [{ day, model: "all", what: "cost_usd", vendor: 3, ledger: 3, differs: false, reasons: [] }]);
  const usage = compareReport([{ day, model: "a", inputTokens: 100, outputTokens: 500, requests: 1 }], [entry("a", 1)], 0.01);
  assert.deepEqual(
    usage.map(({ what, differs }) => [what, differs]),
    [
      ["input_tokens", false],
      ["output_tokens", true],
      ["requests", false],
    ],
  );
});

test("lines of a month are compared with the sum of its days, previews under the name that is billed, and cents with what they round", () => {
  const month = { day: "2026-11-01", lastDay: "2026-11-30" };
  const rows = compareReport(
    [
      { ...month, model: "gemini-3-flash", costUsd: 3 },
      { day: "2026-11-10", lastDay: "2026-11-30", model: "gemini-3-flash", costUsd: 1 },
    ],
    [
      entry("gemini-3-flash-preview", 1.5, { day: "2026-11-02" }),
      entry("gemini-3-flash-preview-09-2026", 2.5, { day: "2026-11-30" }),
      entry("gemini-3-flash", 9, { day: "2026-12-01" }),
    ],
    0,
  );
  assert.deepEqual(rows, [
    { day: "2026-11-01..2026-11-30", model: "gemini-3-flash", what: "cost_usd", vendor: 4, ledger: 4, differs: false, reasons: [] },
  ]);
  const cents = (costUsd: number): boolean[] =>
    compareReport(
      Array.from({ length: 10 }, () => ({ day, model: "a", costUsd })),
      [entry("a", 0.155)],
      0,
    ).map(({ differs }) => differs);
  // Ten lines in whole cents may be off by five cents; exact ones may not.
  assert.deepEqual([cents(0.01), cents(0.0101)], [[false], [true]]);
});

test("days that differ while their sum agrees are those of another time zone", () => {
  const next = "2026-11-29";
  const rows = compareReport(
    [
      { day, model: "a", costUsd: 6 },
      { day: next, model: "a", costUsd: 4 },
    ],
    [entry("a", 4), entry("a", 6, { day: next })],
    0.01,
  );
  assert.deepEqual(
    rows.map(({ differs, reasons }) => [differs, reasons[0]!.split(":")[0]]),
    [
      [true, "the sum of all days agrees"],
      [true, "the sum of all days agrees"],
    ],
  );
});
