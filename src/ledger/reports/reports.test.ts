import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { CompiledQuery } from "kysely";
import { createSqliteStore, type Store } from "../../store/index.ts";
import { closeRecord, ManualTime } from "../testing.ts";
import { selectEntries } from "./entries.ts";
import type { UsageGroup } from "./report-query.ts";
import { createReports } from "./reports.ts";
import { createRollupStep } from "../rollups/rollup.ts";
import { createStoreSink } from "../entries/sink.ts";
import type { CloseRecord } from "../types.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";

const day = Date.parse("2026-03-01T00:00:00Z");
const snapshot = '{"source":"override","input":"1","output":"2"}';

function row(id: string, cost: bigint | undefined, changes: Partial<CloseRecord> = {}): UsageRow {
  const record = closeRecord(id, { timeMs: day, modelServed: "gpt-5", ...changes });
  return rowOf(record, clampUsage(record.usage), { costNanoUsd: cost, snapshot: cost === undefined ? null : snapshot });
}

async function withRows<T>(rows: readonly UsageRow[], use: (store: Store) => Promise<T>): Promise<T> {
  const store = await createSqliteStore({ path: ":memory:", clock: new ManualTime().clock });
  try {
    await createStoreSink(store, { steps: [createRollupStep(store)] }).write(rows);
    return await use(store);
  } finally {
    await store.close();
  }
}

const rows = [
  row("req_1", 1_000_000_001n, { usage: { input: 100, output: 10, cacheRead: 40, cacheWrite5m: 5, cacheWrite1h: 6, reasoning: 3 } }),
  row("req_2", 0n, { status: "error", provider: "azure", usage: {} }),
  row("req_2", 5n, { attempt: 2, timeMs: day + 1000 }),
  row("req_3", undefined, {
    userId: "usr_2",
    keyId: "key_2",
    provider: "ollama",
    modelServed: "qwen3",
    timeMs: day + 86_400_000,
    dialect: "anthropic-messages",
  }),
  row("req_4", 0n, {
    attempt: 0,
    userId: "usr_2",
    keyId: "key_2",
    status: "refused",
    provider: "",
    modelServed: "",
    modelAsked: "nope",
    usage: {},
  }),
  row("req_5", 7n, { userId: "usr_2", keyId: "key_3", status: "cancelled", timeMs: day + 86_399_999 }),
];

const none = {
  requests: 0,
  attempts: 0,
  errors: 0,
  input_tokens: 0,
  output_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  cost_usd: "0",
  unpriced_requests: 0,
};

test("usage is summed by the requested groups, with totals", async () => {
  await withRows(rows, async (store) => {
    const reports = createReports({ store });
    assert.deepEqual(await reports.usage({ groupBy: ["user", "day"] }), {
      group_by: ["user", "day"],
      time_zone: "UTC",
      rows: [
        {
          ...none,
          group: { user: "usr_1", day: "2026-03-01" },
          requests: 2,
          attempts: 3,
          errors: 1,
          input_tokens: 1100,
          output_tokens: 110,
          cache_read_tokens: 40,
          cache_write_tokens: 11,
          reasoning_tokens: 3,
          cost_usd: "1.000000006",
        },
        {
          ...none,
          group: { user: "usr_2", day: "2026-03-01" },
          requests: 2,
          attempts: 2,
          errors: 1,
          input_tokens: 1000,
          output_tokens: 100,
          cost_usd: "0.000000007",
        },
        {
          ...none,
          group: { user: "usr_2", day: "2026-03-02" },
          requests: 1,
          attempts: 1,
          input_tokens: 1000,
          output_tokens: 100,
          cost_usd: null,
          unpriced_requests: 1,
        },
      ],
      totals: {
        ...none,
        requests: 5,
        attempts: 6,
        errors: 2,
        input_tokens: 3100,
        output_tokens: 310,
        cache_read_tokens: 40,
        cache_write_tokens: 11,
        reasoning_tokens: 3,
        cost_usd: "1.000000013",
        unpriced_requests: 1,
      },
      next: null,
    });
  });
});

test("every group can be requested, alone and with others", async () => {
  await withRows(rows, async (store) => {
    const reports = createReports({ store });
    const groupsOf = async (...groupBy: UsageGroup[]): Promise<unknown> =>
      (await reports.usage({ groupBy })).rows.map((found) => [...Object.values(found.group), found.attempts]);
    assert.deepEqual(
      [
        await groupsOf("key"),
        await groupsOf("model"),
        await groupsOf("provider"),
        await groupsOf("dialect"),
        await groupsOf("day", "provider"),
        await groupsOf(),
        await groupsOf("user", "user"),
      ],
      [
        [
          ["key_1", 3],
          ["key_2", 2],
          ["key_3", 1],
        ],
        [
          ["gpt-5", 4],
          ["nope", 1],
          ["qwen3", 1],
        ],
        [
          ["", 1],
          ["azure", 1],
          ["ollama", 1],
          ["openai", 3],
        ],
        [
          ["anthropic-messages", 1],
          ["openai-chat", 5],
        ],
        [
          ["2026-03-01", "", 1],
          ["2026-03-01", "azure", 1],
          ["2026-03-01", "openai", 3],
          ["2026-03-02", "ollama", 1],
        ],
        [[6]],
        [
          ["usr_1", 3],
          ["usr_2", 3],
        ],
      ],
    );
  });
});

test("filters: user, key, from (included) and to (excluded)", async () => {
  await withRows(rows, async (store) => {
    const reports = createReports({ store });
    const attempts = async (filter: Omit<Parameters<typeof reports.usage>[0], "groupBy">): Promise<number> =>
      (await reports.usage({ groupBy: ["model"], ...filter })).totals.attempts;
    assert.deepEqual(
      [
        await attempts({ userId: "usr_1" }),
        await attempts({ keyId: "key_2" }),
        await attempts({ userId: "usr_1", keyId: "key_2" }),
        await attempts({ fromMs: day + 1000 }),
        await attempts({ toMs: day + 1000 }),
        await attempts({ fromMs: day + 1000, toMs: day + 86_400_000 }),
      ],
      [3, 2, 0, 3, 3, 2],
    );
    assert.deepEqual(await reports.usage({ groupBy: ["user"], userId: "nobody" }), {
      group_by: ["user"],
      time_zone: "UTC",
      rows: [],
      totals: none,
      next: null,
    });
    assert.deepEqual((await reports.usage({ groupBy: [], userId: "nobody" })).rows, [{ ...none, group: {} }]);
  });
});

test("sums of money are exact, past the limits of a number and of 64 bits", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })), { minLength: 1, maxLength: 20 }), async (costs) => {
      const many = costs.map((cost, i) => row(`req_${i}`, cost ?? undefined));
      const { totals } = await withRows(many, (store) => createReports({ store }).usage({ groupBy: ["user"] }));
      const known = costs.filter((cost) => cost !== null);
      const sum = known
        .reduce((a, b) => a + b, 0n)
        .toString()
        .padStart(10, "0");
      const decimal = `${sum.slice(0, -9)}.${sum.slice(-9)}`.replace(/\.?0+$/, "");
      assert.deepEqual([totals.cost_usd, totals.unpriced_requests], [known.length === 0 ? null : decimal, costs.length - known.length]);
    }),
    { numRuns: 30 },
  );
});

test("entries are returned newest first, page by page, each once, also those of the same instant", async () => {
  const times = [3, 1, 2, 2, 2, 5, 2].map((at, i) => row(`req_${i}`, BigInt(i), { timeMs: day + at, attempt: (i % 2) + 1 }));
  await withRows([...times, row("req_3", 1n, { timeMs: day + 2, attempt: 1 }), row("req_x", 1n, { userId: "usr_2" })], async (store) => {
    const reports = createReports({ store });
    const seen: string[] = [];
    let after: string | null = null;
    let pages = 0;
    do {
      const page: Awaited<ReturnType<typeof reports.entries>> = await reports.entries({
        userId: "usr_1",
        limit: 3,
        ...(after === null ? {} : { after }),
      });
      seen.push(...page.entries.map((entry) => `${entry.request_id}/${entry.attempt}`));
      after = page.next;
      pages += 1;
    } while (after !== null && pages < 10);
    assert.deepEqual([seen, pages], [["req_5/2", "req_0/1", "req_6/1", "req_4/1", "req_3/2", "req_3/1", "req_2/1", "req_1/2"], 3]);
    assert.equal((await reports.entries({ limit: 1000 })).entries.length, 9);
    assert.equal((await reports.entries({ userId: "usr_1", limit: 8 })).next, null);
    assert.deepEqual(await reports.entries({ limit: 9, userId: "nobody" }), { entries: [], next: null });
  });
});

test("an entry is returned in its JSON form", async () => {
  await withRows([row("req_1", 2_500n, { clientRequestId: "abc" }), row("req_2", undefined, { timeMs: day - 1 })], async (store) => {
    const { entries } = await createReports({ store }).entries({ limit: 10 });
    assert.deepEqual(entries[0], {
      request_id: "req_1",
      attempt: 1,
      time: "2026-03-01T00:00:00.000Z",
      duration_ms: 1200,
      ttft_ms: 300,
      user_id: "usr_1",
      key_id: "key_1",
      dialect: "openai-chat",
      provider: "openai",
      model_asked: "gpt-5",
      model_served: "gpt-5",
      input_tokens: 1000,
      output_tokens: 100,
      cache_read_tokens: null,
      cache_write_5m_tokens: null,
      cache_write_1h_tokens: null,
      reasoning_tokens: null,
      direction: "consume",
      status: "ok",
      usage_source: "reported",
      cost_usd: "0.0000025",
      price: { source: "override", input: "1", output: "2" },
      http_status: 200,
      error_code: null,
      tags: [],
      client_request_id: "abc",
      upstream_model: "gpt-5",
      protocol: "openai-chat",
      lane: null,
      stream: null,
      stop_reason: null,
      refused: false,
      attempt_reason: null,
      overhead_us: null,
      region: null,
      service_class: null,
      units: null,
      cost_lines: null,
      error_text: null,
      client_name: null,
      cache_savings_usd: null,
      from_cache: false,
      firewall: null,
    });
    assert.deepEqual([entries[1]!.cost_usd, entries[1]!.price], [null, null]);
    assert.deepEqual(JSON.parse(JSON.stringify(entries)), entries);
  });
});

test("an invalid cursor for entries is refused", async () => {
  await withRows([], async (store) => {
    const reports = createReports({ store });
    for (const after of ["", "x", "1.2", "1.2.", "-1.2.req_1"]) {
      await assert.rejects(reports.entries({ limit: 5, after }), {
        code: "invalid_request",
        param: "after",
        message: '"after" is not the "next" of an earlier page. Leave it out to begin with the newest entries.',
      });
    }
  });
});

test("rows that are written twice count once", async () => {
  await withRows(rows, async (store) => {
    await createStoreSink(store, { steps: [createRollupStep(store)] }).write([...rows, row("req_9", 1n)]);
    assert.equal((await createReports({ store }).usage({ groupBy: [] })).totals.attempts, 7);
  });
});

test("a batch of any size is summed completely", async () => {
  const many = Array.from({ length: 8200 }, (_, i) => row(`req_${i}`, 1n, { usage: { input: 2 }, timeMs: day + i }));
  await withRows(many, async (store) => {
    const { totals } = await createReports({ store }).usage({ groupBy: [] });
    assert.deepEqual([totals.requests, totals.input_tokens, totals.cost_usd], [8200, 16_400, "0.0000082"]);
  });
});

test("entries are found by each filter", async () => {
  const tagged = row("req_7", 1n, { tags: '["a","b"]', timeMs: day + 500, status: "interrupted" });
  await withRows([...rows, tagged], async (store) => {
    const reports = createReports({ store });
    const found = async (query: Partial<Parameters<typeof reports.entries>[0]>): Promise<readonly string[]> =>
      (await reports.entries({ limit: 10, ...query })).entries.map((entry) => `${entry.request_id}/${entry.attempt}`);
    assert.deepEqual(
      [
        await found({ keyId: "key_2" }),
        await found({ provider: "azure" }),
        await found({ model: "nope" }),
        await found({ dialect: "anthropic-messages" }),
        await found({ status: "refused" }),
        await found({ tag: "b" }),
        await found({ fromMs: day + 500, toMs: day + 1000 }),
      ],
      [["req_3/1", "req_4/0"], ["req_2/1"], ["req_4/0"], ["req_3/1"], ["req_4/0"], ["req_7/1"], ["req_7/1"]],
    );
  });
});

test("an invalid cursor for a report is refused", async () => {
  await withRows(rows, async (store) => {
    const reports = createReports({ store });
    const cursor = (values: unknown): string => Buffer.from(JSON.stringify(values)).toString("base64url");
    for (const after of [
      "",
      "x",
      cursor({}),
      cursor(["usr_1"]),
      cursor(["usr_1", "tomorrow"]),
      cursor(["usr_1", 5]),
      cursor(["usr_1", "1", "2"]),
    ]) {
      await assert.rejects(reports.usage({ groupBy: ["user", "day"], after }), { code: "invalid_request", param: "after" }, after);
    }
    await assert.rejects(reports.usage({ groupBy: [], after: cursor([]) }), { code: "invalid_request", param: "after" });
  });
});

test("a page of entries is read by an index, in its order, however many rows there are", async () => {
  await withRows([], async (store) => {
    const planOf = async (query: Parameters<typeof selectEntries>[1]): Promise<string> => {
      const { sql, parameters } = selectEntries(store, query, 100).compile();
      const { rows: steps } = await store.db.executeQuery<{ detail: string }>(
        CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
      );
      return steps.map(({ detail }) => detail.replace(/ \(.*/, "")).join("; ");
    };
    const after = `${day}.1.req_1`;
    assert.deepEqual(
      [await planOf({}), await planOf({ after }), await planOf({ keyId: "key_1", after }), await planOf({ status: "refused", after })],
      [
        "SEARCH usage_entries USING INDEX usage_entries_by_time",
        "SEARCH usage_entries USING INDEX usage_entries_by_time",
        "SEARCH usage_entries USING INDEX usage_entries_by_key",
        "SEARCH usage_entries USING INDEX usage_entries_failed",
      ].map((search) => `${search}; USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY`),
    );
  });
});
