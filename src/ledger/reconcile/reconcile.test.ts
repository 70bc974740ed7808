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
  const csv = `\ufeffstart_time,start_time_iso,amount_value,amount_currency,line_item\r\n${startSeconds},2026-11-28T00:00:00+00:00,0.25,usd,"gpt-5, output"\r\n`;
  assert.deepEqual(read("openai", csv), [{ day, model: "gpt-5", costUsd: 0.25 }]);
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
  assert.deepEqual(read("anthropic", `usage_date_utc,model_version,token_type,cost_usd\n${day},claude-opus-5,input,0.5\n`), [
    { day, model: "claude-opus-5", costUsd: 0.5 },
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
