import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import type { UsageRow } from "../../src/ledger/index.ts";
import { announcementsOver } from "../e2e/both-ways.ts";
import type { TestGateway } from "../e2e/harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Scenario, ScenarioUsage } from "../testbed/scenario.ts";
import type { Dialect } from "./dialects.ts";
import { dialects } from "./dialects.ts";
import { isSound, readReply } from "./observe.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** How one request of the run goes. The name is in its prompt, where the upstream reads it. */
type Kind =
  | "good"
  | "loopback"
  | "error-400"
  | "error-401"
  | "error-429"
  | "error-500"
  | "error-event"
  | "cut"
  | "leave-early"
  | "leave-late"
  | "unknown-model"
  | "bad-json"
  | "no-key";

/** Half of all are good answers; the rest is everything else, evenly. */
const kinds: readonly Kind[] = [
  ...Array.from({ length: 12 }, (): Kind => "good"),
  "loopback",
  "error-400",
  "error-401",
  "error-429",
  "error-500",
  "error-event",
  "cut",
  "leave-early",
  "leave-late",
  "unknown-model",
  "bad-json",
  "no-key",
];

/** US dollars a million tokens, for the models of the mock upstream. */
const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite5m: 3.75, cacheWrite1h: 6 };
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"]
  .map((model) => `  ${model}: { input: "3", output: "15", cache_read: "0.3", cache_write_5m: "3.75", cache_write_1h: "6" }`)
  .join("\n")}
`;

type Arrivals = Map<string, () => void>;

/** What the client remembers of a request of its own. */
interface Sent {
  readonly id: string;
  readonly kind: Kind;
  readonly dialect: Dialect;
  readonly stream: boolean;
  /** What the gateway called it; `undefined` where the client left before it could know. */
  requestId?: string;
  status?: number;
}

/** Counts of a run, to print. */
export interface RunFigures {
  readonly requests: number;
  readonly rows: number;
  readonly inputTokens: number;
  readonly costNanoUsd: bigint;
}

/**
 * Sends a mixture of good answers, upstream errors, broken streams, refusals and clients that leave, in all dialects, and asserts that the ledger has one
 * row for each request that must have one, none besides, with the tokens that the upstream reported and their price.
 * @param width requests under way at a time.
 */
export async function ledgerRun(options: { readonly requests: number; readonly width: number }): Promise<RunFigures> {
  /** What waits for a request to be with the upstream, by the request's mark. */
  const arrivals: Arrivals = new Map();
  const mock = await createMockUpstream({
    validate: false,
    apiKeys: Object.values(providerKeys),
    choose: (request) => {
      arrivals.get(markOf(request)?.id ?? "")?.();
      return scenarioOf(request);
    },
  });
  const gateway = await startGateway({ config: withMockUpstream(mock.url, prices) });
  try {
    await announcementsOver(mock, Object.keys(providerKeys).length);
    const { key } = await gateway.createKey("alice");
    const list = Array.from({ length: options.requests }, (_, i) => planned(i));
    const left = [...list];
    await Promise.all(
      Array.from({ length: options.width }, async () => {
        for (let sent = left.shift(); sent !== undefined; sent = left.shift()) await play(gateway, arrivals, key, sent);
      }),
    );
    const recorded = list.filter(({ kind }) => kind !== "no-key");
    return await check(gateway, mock, recorded);
  } finally {
    await gateway.stop();
    await mock.close();
  }
}

/** Spread so that every kind meets every dialect, streaming and not. */
function planned(i: number): Sent {
  const kind = kinds[i % kinds.length]!;
  const round = Math.floor(i / kinds.length);
  return {
    id: `run-${i}`,
    kind,
    dialect: dialects[(i + round) % dialects.length]!,
    stream: Math.floor(round / dialects.length + i) % 2 === 0,
  };
}

function markOf(request: RecordedRequest): { kind: Kind; id: string } | undefined {
  const [, kind, id] = /case:([\w-]+) (run-\d+)\b/.exec(request.body.toString("latin1")) ?? [];
  return kind === undefined || id === undefined ? undefined : { kind: kind as Kind, id };
}

function scenarioOf(request: RecordedRequest): Scenario {
  const text = ["one ", "two ", "three ", "four"];
  const kind = markOf(request)?.kind;
  switch (kind) {
    case "error-400":
    case "error-401":
    case "error-429":
    case "error-500":
      return { trouble: { kind: "error", error: { status: Number(kind.slice(6)) } } };
    case "error-event":
      return { text, trouble: { kind: "error-event", afterPieces: 2, error: { status: 500 } } };
    case "cut":
      return { text, trouble: { kind: "cut", afterPieces: 2 } };
    case "leave-early":
      return { text, trouble: { kind: "hang", afterPieces: "headers" } };
    case "leave-late":
      return { text, trouble: { kind: "hang", afterPieces: 2 } };
    default:
      return {};
  }
}

function bodyOf({ kind, id, dialect, stream }: Sent): { path: string; body: string } {
  const model = { loopback: "loopback", "unknown-model": "nobody-has-this" }[kind as string] ?? dialect.model;
  // Prompts of different lengths, so that no two sums are right by accident.
  const prompt = `case:${kind} ${id} ${"word ".repeat(Number(id.slice(4)) % 50)}`;
  const body = dialect.body(stream, prompt, model);
  return { path: dialect.path(stream, model), body: kind === "bad-json" ? body.slice(0, -1) : body };
}

async function play(gateway: TestGateway, arrivals: Arrivals, key: string, sent: Sent): Promise<void> {
  const { path, body } = bodyOf(sent);
  const credential = sent.kind === "no-key" ? "tok_nobody" : key;
  if (sent.kind === "leave-early" || sent.kind === "leave-late") {
    await leave(gateway, arrivals, credential, sent, path, body);
    return;
  }
  const headers = ["authorization", `Bearer ${credential}`, "content-type", "application/json", "x-request-id", sent.id];
  const reply = await sendRaw(gateway.url, { path, headers, body });
  const seen = readReply(reply, sent.dialect);
  sent.requestId = seen.requestId;
  sent.status = seen.status;
}

/** Leaves before the answer, or after its first piece where it is a stream; a JSON answer never shows a piece. */
function leave(gateway: TestGateway, arrivals: Arrivals, key: string, sent: Sent, path: string, body: string): Promise<void> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "x-request-id": sent.id };
    const outgoing = httpRequest(`${gateway.url}${path}`, { method: "POST", headers, agent: false }, (answer) => {
      sent.requestId = String(answer.headers["x-request-id"]);
      answer.on("error", () => undefined);
      answer.once("data", () => outgoing.destroy());
    });
    outgoing.on("error", () => undefined);
    outgoing.on("close", () => resolve());
    if (sent.kind === "leave-early" || !sent.stream) arrivals.set(sent.id, () => outgoing.destroy());
    outgoing.end(body);
  });
}

/** What the row of a request has to say: attempt, status, HTTP status. */
function expectedRow({ kind, stream }: Sent): readonly [attempt: number, status: string, http: number] {
  switch (kind) {
    case "good":
    case "loopback":
      return [1, "ok", 200];
    case "error-400":
    case "error-429":
    case "error-500":
      return [1, "error", Number(kind.slice(6))];
    case "error-401":
      return [1, "error", 502];
    case "error-event":
      // A JSON answer has no events: there it is an error's answer.
      return stream ? [1, "interrupted", 200] : [1, "error", 500];
    case "cut":
      return stream ? [1, "interrupted", 200] : [1, "error", 502];
    case "leave-early":
    case "leave-late":
      return [1, "cancelled", 499];
    case "bad-json":
      return [0, "refused", 400];
    case "unknown-model":
      return [0, "refused", 404];
    case "no-key":
      throw new Error("has no row");
  }
}

async function check(gateway: TestGateway, mock: MockUpstream, list: readonly Sent[]): Promise<RunFigures> {
  const rows = await untilSettled(gateway);
  const byClientId = Map.groupBy(rows, (row) => row.client_request_id ?? "");
  const upstreamById = new Map(mock.requests.map((request) => [markOf(request)?.id, request]));

  // No row without a request, no request without a row, none twice.
  assert.deepEqual([...byClientId.keys()].toSorted(), list.map(({ id }) => id).toSorted());
  assert.equal(new Set(rows.map((row) => row.request_id)).size, rows.length);
  assert.equal(rows.length, list.length);
  assert.equal(gateway.gateway.ledger.status().open, 0);

  let inputTokens = 0;
  let outputTokens = 0;
  let costNanoUsd = 0n;
  const reported = { input: 0, output: 0 };
  for (const sent of list) {
    const row = byClientId.get(sent.id)![0]!;
    const where = `${sent.kind} ${sent.dialect.id} ${sent.stream ? "stream" : "JSON"}: ${JSON.stringify(row)}`;
    assert.deepEqual([row.attempt, row.status, row.http_status], expectedRow(sent), where);
    assert.equal(row.dialect, sent.dialect.id, where);
    if (sent.requestId !== undefined) assert.equal(row.request_id, sent.requestId, where);
    else assert.equal(row.status, "cancelled", where);
    if (sent.status !== undefined && row.status !== "interrupted") assert.equal(sent.status, row.http_status, where);
    assert.ok(isSound(row), where);
    if (sent.kind === "good") {
      const usage = upstreamById.get(sent.id)!.reportedUsage!;
      assert.deepEqual(countsOf(row), usage, where);
      assert.equal(row.usage_source, "reported", where);
      assert.equal(chargeOf(row), costOf(usage), where);
      reported.input += usage.input;
      reported.output += usage.output;
      inputTokens += row.input_tokens!;
      outputTokens += row.output_tokens!;
    } else if (row.status === "error" || row.status === "refused" || sent.kind === "loopback") {
      assert.equal(chargeOf(row), 0n, where);
    } else if (row.status === "interrupted" || (sent.kind === "leave-late" && sent.stream)) {
      // Cut off after two pieces: the prompt and they are paid.
      assert.ok(row.output_tokens! >= 2 && row.input_tokens! > 0 && chargeOf(row) > 0n, where);
    }
    costNanoUsd += row.cost_nano_usd === null ? 0n : chargeOf(row);
  }
  assert.deepEqual({ input: inputTokens, output: outputTokens }, reported);
  await checkReport(gateway, rows, costNanoUsd);
  return { requests: list.length, rows: rows.length, inputTokens, costNanoUsd };
}

/** What a user is shown adds up to the same. */
async function checkReport(gateway: TestGateway, rows: readonly UsageRow[], costNanoUsd: bigint): Promise<void> {
  const { body } = await sendRaw(gateway.url, { method: "GET", path: "/api/v1/usage", headers: ["x-api-key", gateway.adminKey] });
  const { totals } = JSON.parse(body.toString()) as { totals: Record<string, number | string> };
  const sum = (read: (row: UsageRow) => number | null): number => rows.reduce((total, row) => total + (read(row) ?? 0), 0);
  assert.equal(
    totals["input_tokens"],
    sum((row) => row.input_tokens),
  );
  assert.equal(
    totals["output_tokens"],
    sum((row) => row.output_tokens),
  );
  const [whole = "0", decimals = ""] = String(totals["cost_usd"]).split(".");
  assert.equal(BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, "0")), costNanoUsd);
}

/** In nano-USD; the reader of these rows gives small integers as numbers. */
function chargeOf(row: UsageRow): bigint {
  return BigInt(row.cost_nano_usd ?? -1);
}

function countsOf(row: UsageRow): ScenarioUsage {
  return {
    input: row.input_tokens ?? 0,
    cached: row.cache_read_tokens ?? 0,
    cacheWrite5m: row.cache_write_5m_tokens ?? 0,
    cacheWrite1h: row.cache_write_1h_tokens ?? 0,
    output: row.output_tokens ?? 0,
    reasoning: row.reasoning_tokens ?? 0,
  };
}

/** Dollars a million tokens are thousands of nano-dollars a token: with these prices every line is a whole number. */
function costOf(usage: ScenarioUsage): bigint {
  const plain = usage.input - usage.cached - usage.cacheWrite5m - usage.cacheWrite1h;
  const nano =
    plain * price.input * 1000 +
    usage.cached * Math.round(price.cacheRead * 1000) +
    usage.cacheWrite5m * price.cacheWrite5m * 1000 +
    usage.cacheWrite1h * price.cacheWrite1h * 1000 +
    usage.output * price.output * 1000;
  return BigInt(nano);
}

/** A client that has left cannot wait for its row: all are there once no attempt is under way. */
async function untilSettled(gateway: TestGateway): Promise<readonly UsageRow[]> {
  const { ledger } = gateway.gateway;
  await waitUntil("no attempt is under way", () => ledger.status().open === 0);
  return gateway.rows();
}
