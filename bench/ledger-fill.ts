import { createIdSource } from "../src/core/index.ts";
import { createRollupStep, createStoreSink, noFurtherColumns, type UsageQuery, type UsageRow } from "../src/ledger/index.ts";
import type { Store } from "../src/store/index.ts";

/** The month that the rows lie in. */
export const monthStartMs = Date.UTC(2026, 9, 1);
export const monthEndMs = Date.UTC(2026, 10, 1);

const models = [
  { provider: "openai", model: "gpt-5", dialect: "openai-chat", usdPerMillion: 10 },
  { provider: "openai", model: "gpt-5-mini", dialect: "openai-responses", usdPerMillion: 2 },
  { provider: "anthropic", model: "claude-sonnet-4-5", dialect: "anthropic-messages", usdPerMillion: 15 },
  { provider: "google", model: "gemini-2.5-pro", dialect: "gemini-generate", usdPerMillion: 10 },
] as const;

/** As a step of ingestion takes at once. */
const batchRows = 8192;

/**
 * Fills a ledger as the gateway does, in order of time, through the sink and its sums, but in larger batches. 200 users, some of whom send far more than
 * others, each with two keys and three models; a tenth of the rows has tags.
 * @param onProgress is called with the count of rows after every 50 batches.
 */
export async function fillLedger(store: Store, rows: number, onProgress: (done: number) => void = () => undefined): Promise<void> {
  const sink = createStoreSink(store, { steps: [createRollupStep(store)] });
  const random = createRandom(1);
  let nowMs = monthStartMs;
  const ids = createIdSource({ now: () => nowMs, monotonic: () => nowMs });
  for (let done = 0; done < rows;) {
    const batch: UsageRow[] = [];
    for (; batch.length < batchRows && done < rows; done++) {
      nowMs = Math.floor(monthStartMs + ((monthEndMs - monthStartMs) * done) / rows);
      batch.push(makeRow(ids.next("req"), nowMs, random));
    }
    await sink.write(batch);
    if (done % (50 * batchRows) === 0) onProgress(done);
  }
}

function makeRow(requestId: string, timeMs: number, random: () => number): UsageRow {
  const user = Math.floor(200 * random() ** 2);
  const { provider, model, dialect, usdPerMillion } = models[(user + Math.floor(3 * random() ** 2)) % models.length]!;
  const input = Math.floor(200 + 20_000 * random() ** 4);
  const output = Math.floor(20 + 1500 * random() ** 2);
  const failed = random() < 0.02;
  return {
    request_id: requestId,
    attempt: 1,
    time_ms: timeMs,
    duration_ms: 300 + output * 10,
    ttft_ms: 300,
    user_id: `usr_019a3c5e-7f00-7000-8000-${String(user).padStart(12, "0")}`,
    key_id: `key_019a3c5e-7f00-7000-8000-${String(user * 2 + (random() < 0.3 ? 1 : 0)).padStart(12, "0")}`,
    dialect,
    provider,
    model_asked: model,
    model_served: model,
    input_tokens: input,
    output_tokens: failed ? 0 : output,
    cache_read_tokens: Math.floor(input / 2),
    cache_write_5m_tokens: null,
    cache_write_1h_tokens: null,
    reasoning_tokens: null,
    direction: "consume",
    status: failed ? "error" : "ok",
    usage_source: "reported",
    cost_nano_usd: failed ? 0n : BigInt((input + output) * usdPerMillion * 1000),
    price_snapshot: `{"source":"catalogue","input":"${usdPerMillion}","output":"${usdPerMillion}"}`,
    http_status: failed ? 502 : 200,
    error_code: failed ? "upstream_error" : null,
    tags: random() < 0.1 ? `["team:${user % 12}","release/7"]` : null,
    client_request_id: null,
    ...noFurtherColumns,
  };
}

/** Numbers from 0 to 1 that are the same each time (a linear congruential generator, Numerical Recipes, section 7.1). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const user7 = "usr_019a3c5e-7f00-7000-8000-000000000007";
const month = { fromMs: monthStartMs, toMs: monthEndMs };
/** Not at whole hours: the first and the last part of an hour are read from the entries. */
const ragged = { fromMs: monthStartMs + 12 * 60_000, toMs: monthEndMs - 47 * 60_000 };

/** What is asked of it, by name. */
export const reportQueries: Readonly<Record<string, UsageQuery>> = {
  "month by user, key, model": { ...month, groupBy: ["user", "key", "model"] },
  "month by user, key, model, ragged bounds": { ...ragged, groupBy: ["user", "key", "model"] },
  "month by day": { ...month, groupBy: ["day"] },
  "month by provider, model": { ...month, groupBy: ["provider", "model"] },
  "month by user, day: a page of 1,000": { ...month, groupBy: ["user", "day"], limit: 1000 },
  "month of a user by day": { ...month, groupBy: ["day"], userId: user7 },
  "month by tag": { ...month, groupBy: ["tag"] },
  "a week by hour": { fromMs: monthEndMs - 7 * 86_400_000, toMs: monthEndMs, groupBy: ["hour"] },
  "all of it, one row": { groupBy: [] },
};
