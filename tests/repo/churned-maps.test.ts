import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isTestFile } from "./test-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The Maps and Sets that lose entries, each with the reason why that is not once a request. On the path of each request use a `SlotList`, which says
 * why, or let the item itself carry what belongs to it.
 */
const allowed: Readonly<Record<string, string>> = {
  "src/accounts/key-cache.ts changed": "once for each change of a user or key",
  "src/app/compose/surroundings.ts looks": "once for each check of the surroundings",
  "src/app/daemon/hand-out.ts free": "once for each connection",
  "src/app/daemon/hand-out.ts given": "once for each connection",
  "src/app/daemon/worker-pool.ts counting": "once for each reading of the metrics",
  "src/app/daemon/worker-pool.ts members": "once for each worker",
  "src/app/daemon/worker.ts #waiting": "once for each call to the main process",
  "src/core/bounded-cache.ts old": "once for each entry and generation",
  "src/gateway/firewall/stream-of-texts.ts #open": "lives as long as one answer",
  "src/gateway/proofs/seal-answer.ts #open": "lives as long as one answer",
  "src/gateway/response-cache/answer-store.ts #kept":
    "once for each answer that a key keeps, which was asked of a provider, and each that it gets again",
  "src/gateway/responses/background-jobs.ts jobs": "once for each response in the background",
  "src/gateway/responses/journaled-responses.ts running": "lives as long as one sweep",
  "src/gateway/responses/pending-responses.ts #entries": "once for each response that the gateway stores, which costs a transaction",
  "src/gateway/schema-cost.ts under": "lives as long as one look at a schema",
  "src/ledger/budgets/budgets.ts #underWay": "once for each request that a budget counts, which costs a transaction",
  "src/ledger/ingest/ingest.ts open": "lives as long as the reading of one journal",
  "src/ledger/ingest/message-sink.ts #waiting": "once for each batch of rows",
  "src/ledger/journal/journal-segments.ts #dirty": "once for each segment",
  "src/ledger/prices/price-catalogue.ts models": "loses entries only when it is full",
  "src/limits/limit-book.ts #entries": "once for each limit that is not in use any more",
  "src/limits/limit-book.ts #nodes": "once for each process",
  "src/limits/shared-limiter.ts #nodes": "once for each process",
  "src/market/buy/book.ts #exchanges": "once for each exchange that is joined",
  "src/market/buy/book.ts #problems": "once for each peer",
  "src/market/buy/book.ts #sellers": "once for each peer",
  "src/market/buy/exchange-offers.ts #sellers": "once for each seller that changes its offers",
  "src/market/buy/late-bills.ts #waiting": "once for each purchase whose client has left, or whose line was cut",
  "src/market/buy/lease-pool.ts #open": "once for each lease",
  "src/market/buy/lease-pool.ts #unclosed": "once for each lease that a crash has left, or whose seller is away",
  "src/market/clearing/incremental-check.ts #live": "in tests alone",
  "src/market/peers/avoided.ts until": "once for each node that is avoided",
  "src/market/presence.ts #links": "once for each relay that is used",
  "src/market/relay/relay-link.ts #heartbeats": "once for each connection",
  "src/market/relay/relay-link.ts #leaving": "once for each connection",
  "src/market/relay/relayed-seller.ts #callers": "a caller is forgotten only once there are a thousand",
  "src/market/sell/exchange-leases.ts #unsettled": "once for each lease",
  "src/market/sell/lease-desk.ts #opening": "once for each lease",
  "src/market/sell/lease-desk.ts #served": "once for each lease",
  "src/market/sell/places.ts #running": "once for each request that is sold, which costs a transaction",
  "src/market/statements/statements.ts #known": "once for each clearing that a person trusts again",
  "src/market/statements/statements.ts #problems": "once for each clearing that a person trusts again",
  "src/market/sell/served-lease.ts #open": "once for each request that is sold, which costs a transaction",
  "src/market/sell/served-lease.ts #receipts": "once for each request that is sold, which costs a transaction",
  "src/protocols/anthropic-messages/stream-decoder.ts #open": "lives as long as one stream",
  "src/protocols/gemini-generate/stream-encoder.ts #open": "lives as long as one stream",
  "src/protocols/openai-responses/parse-request.ts named": "lives as long as the reading of one request",
  "src/alerts/alerts.ts #underWay": "once for each alert",
  "src/alerts/alerts.ts #waits": "once for each alert",
  "src/protocols/openai-responses/stream-encoder.ts #blocks": "lives as long as one stream",
  "src/protocols/openai-responses/stream-items.ts #open": "lives as long as one stream",
  "src/server/http/body-budget.ts #byKey": "loses entries only if there are more than 10,000 keys",
  "src/server/http/in-flight.ts #byKey": "loses entries only if there are more than 10,000 keys",
  "src/server/http/connection.ts #sockets": "once for each connection",
  "src/store/postgres/database.ts sockets": "once for each connection",
  "src/store/sqlite/reader.ts #waiting": "once for each read of a report",
  "src/store/sqlite/statements.ts statements": "once for each kind of statement",
  "src/upstream/transport/connections.ts #all": "once for each connection",
};

const declaration = /(?:\b(?:let|const|readonly) |^ *)(#?\w+)(?:: [^=\n]*)? = (?:\w+ = )?new (?:Map|Set|WeakMap|WeakSet)\b/gm;

/** The Maps and Sets that a file declares and deletes from. */
function findChurned(text: string): readonly string[] {
  const names = new Set([...text.matchAll(declaration)].map(([, name]) => name!));
  return [...names].filter((name) => new RegExp(`(?<![\\w.#])(?:this\\.)?${name}\\.delete\\(`).test(text));
}

test("no Map or Set gets and loses an entry with each request", () => {
  const paths = globSync("src/**/*.ts", { cwd: root }).map((path) => path.replaceAll("\\", "/"));
  assert.ok(paths.length > 400, `${paths.length} files`);
  const sources = paths.filter((path) => !isTestFile(path));
  const found = sources.flatMap((path) => findChurned(readFileSync(join(root, path), "utf8")).map((name) => `${path} ${name}`));
  assert.deepEqual(found.toSorted(), Object.keys(allowed).toSorted());
});

test("such Maps and Sets are found", () => {
  const open = "  readonly #open = new Map<string, Entry>();\n";
  assert.deepEqual(findChurned(`${open}  close(id: string) {\n    this.#open.delete(id);\n  }\n`), ["#open"]);
  assert.deepEqual(findChurned("const busy: Set<Job> = new Set();\njob.done(() => busy.delete(job));\n"), ["busy"]);
  assert.deepEqual(findChurned(`${open}  get(id: string) {\n    return this.#open.get(id);\n  }\n`), []);
});
