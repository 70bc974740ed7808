import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { migrations } from "./migrations/index.ts";

const day = Date.UTC(2026, 2, 1);
const hour = 3_600_000;

test("entries from before the migration get their sums by hour and day", () => {
  const database = new DatabaseSync(":memory:");
  try {
    const at = migrations.findIndex(({ name }) => name === "usage rollups");
    for (const migration of migrations.slice(0, at)) database.exec(migration.sqlite);
    const insert = database.prepare(
      `insert into usage_entries (request_id, attempt, time_ms, user_id, status, model_served, input_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
       cost_nano_usd, duration_ms, key_id, dialect, provider, model_asked, direction, usage_source, http_status)
       values (?, ?, ?, 'usr_1', ?, ?, ?, ?, ?, ?, 1, 'key_1', 'openai-chat', 'openai', 'asked', 'consume', 'none', 200)`,
    );
    insert.run("a", 1, day, "ok", "gpt-5", 10, 1, 2, 9_223_372_036_854_775_807n);
    insert.run("a", 2, day + hour - 1, "error", "gpt-5", 5, null, 4, 9_223_372_036_854_775_807n);
    insert.run("b", 0, day + hour, "refused", "", null, null, null, null);
    database.exec(migrations[at]!.sqlite);
    const columns =
      "span, start_ms, model, requests, attempts, errors, input_tokens, cache_write_tokens, whole_usd, rest_nano_usd, unpriced";
    const rows = database.prepare(`select ${columns} from usage_sums order by span, start_ms, model`).all();
    const first = ["gpt-5", 1, 2, 1, 15, 7, 18_446_744_072, 1_709_551_614, 0];
    const second = ["asked", 1, 1, 1, 0, 0, 0, 0, 1];
    assert.deepEqual(
      rows.map((row) => Object.values(row)),
      [
        ["day", day, ...second],
        ["day", day, ...first],
        ["hour", day, ...first],
        ["hour", day + hour, ...second],
      ],
    );
  } finally {
    database.close();
  }
});
