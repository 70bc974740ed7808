import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../core/index.ts";
import { createSqliteStore, lowerSealedPlace, type SqlValue, type Store } from "../store/index.ts";
import { leafHash, merkleRoot } from "./merkle.ts";
import { sealUsage, usageText } from "./seal-usage.ts";

const oddTexts = [
  '"quoted"',
  "back\\slash",
  "line\nand\ttab\u0001\u007f\u0085\u2028",
  "Jörg 🦊",
  "",
  "'",
  "null",
  "1e5",
  "\u0000zero",
  '{"a":[1]}',
];
/** All characters below 65,536, but for halves of pairs, which UTF-8 has not. */
const allCharacters = Array.from({ length: 63_488 }, (_, code) => String.fromCharCode(code < 0xd800 ? code : code + 0x800)).join("");
const oddNumbers = [0, -1, 1, 2 ** 53 - 1, -(2 ** 53 - 1)];
const money = [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];

// The first is hashed by the connection itself, the second by the reader's.
for (const place of ["memory", "file"]) {
  test(`a usage entry is hashed with the same text when it is taken in and when it is verified, whatever its columns hold: ${place}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "seal-"));
    try {
      await sealOddRows(place === "memory" ? ":memory:" : join(folder, "gateway.db"));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

async function sealOddRows(path: string): Promise<void> {
  const store = await createSqliteStore({ path, clock: systemClock });
  const names = [
    "request_id",
    "attempt",
    "time_ms",
    "duration_ms",
    "user_id",
    "key_id",
    "dialect",
    "provider",
    "model_asked",
    "model_served",
  ];
  const columns = [...names, "direction", "status", "usage_source", "cost_nano_usd", "error_text", "tags", "http_status"];
  const rows = Array.from({ length: 60 }, (_, at): SqlValue[] => {
    const text = oddTexts[at % oddTexts.length]!;
    const start = [
      `req_${at}`,
      1,
      1_700_000_000_000 + at,
      oddNumbers[at % 5]!,
      "usr_1",
      text,
      "openai-chat",
      "p",
      text,
      at === 3 ? allCharacters : text + text,
    ];
    return [...start, "consume", "ok", "reported", money[at % 6]!, at % 7 === 0 ? null : text, null, (at * 7) % 600];
  });
  await store.insertRows("usage_entries", columns, rows);
  assert.equal(await sealUsage(store, 1_700_000_100_000), false);

  const found = await store.db.selectFrom("usage_entries").selectAll().orderBy("time_ms").execute();
  assert.equal(found.length, 60);
  const { details } = await store.db.selectFrom("audit_entries").select("details").executeTakeFirstOrThrow();
  assert.deepEqual(JSON.parse(details), { count: 60, root: merkleRoot(found.map((row) => leafHash(usageText({ ...row })))) });
  assert.ok(usageText({ ...found[5]! }).includes('["cost_nano_usd","-9223372036854775808"]'));
  await store.close();
}

test("entries that come while retention deletes those that are just being taken in are taken in as well", async () => {
  const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
  const add = (name: string, count: number): Promise<number> => {
    const names = ["request_id", "attempt", "time_ms", "duration_ms", "user_id", "key_id", "dialect", "provider", "model_asked"];
    const columns = [...names, "model_served", "direction", "status", "usage_source", "http_status"];
    const rows = Array.from({ length: count }, (_, at): SqlValue[] => {
      return [`${name}_${at}`, 1, 1, 1, "usr_1", "key_1", "openai-chat", "p", "m", "m", "consume", "ok", "reported", 200];
    });
    return store.insertRows("usage_entries", columns, rows);
  };
  await add("old", 5);
  await store.db.updateTable("retention").set({ deletable_before_ms: 10 }).where("name", "=", "usage_entries").execute();
  const racing = withMeanwhile(store, async () => {
    await store.db.deleteFrom("usage_entries").execute();
    await lowerSealedPlace(store.db);
    await add("new", 3);
  });

  assert.equal(await sealUsage(racing, 1), true);
  assert.equal(await sealUsage(store, 2), false);
  const batches = await store.db.selectFrom("audit_batches").select("members").execute();
  assert.deepEqual(
    batches.map(({ members }) => JSON.parse(members) as unknown),
    [
      [
        ["new_0", 1, 1],
        ["new_1", 1, 1],
        ["new_2", 1, 1],
      ],
    ],
  );
  await store.close();
});

/** A store in which something happens before each transaction. */
function withMeanwhile(store: Store, meanwhile: () => Promise<void>): Store {
  const db = new Proxy(store.db, {
    get(target, name) {
      if (name === "transaction")
        return () => ({
          execute: async (work: Parameters<ReturnType<Store["db"]["transaction"]>["execute"]>[0]) => {
            await meanwhile();
            return await target.transaction().execute(work);
          },
        });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return new Proxy(store, { get: (target, name) => (name === "db" ? db : (Reflect.get(target, name, target) as unknown)) });
}
