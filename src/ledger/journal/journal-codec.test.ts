import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { test } from "node:test";
import * as fc from "fast-check";
import { anyText } from "../../../tests/testbed/any-text.ts";
import { closeRecord, openRecord } from "../testing.ts";
import {
  decodeClose,
  decodeKeep,
  decodeOpen,
  encodeClose,
  encodeKeep,
  encodeOpen,
  readFrame,
  recordTypes,
  writeFrame,
} from "./journal-codec.ts";
import { storableChange, type KeptChange } from "../../store/index.ts";
import type { OpenRecord } from "../types.ts";
import { chargedRow } from "../prices/charge.ts";
import { createPriceCatalogue } from "../prices/price-catalogue.ts";
import { storable } from "../entries/storable.ts";
import { rowOf, usageColumns, type UsageRow } from "../entries/usage-row.ts";

function isNumber(column: string): boolean {
  return /tokens$|^tool_calls|^(?:stream|overhead_us|refused|from_cache|bound_tags)$/.test(column);
}

/** Every column has its own value, so that two swapped columns are noticed. */
function fullRow(): UsageRow {
  const row = rowOf(closeRecord("req_1"), {}, { costNanoUsd: 2n ** 62n, snapshot: '{"input":"1.25"}' });
  const values = usageColumns.map((column, place) => {
    const value = row[column];
    if (column === "cost_nano_usd") return [column, value];
    if (column === "cache_savings_nano_usd") return [column, -7n];
    if (typeof value === "string") return [column, `text ${place}`];
    if (typeof value === "number") return [column, 1000 + place];
    return [column, isNumber(column) ? 2000 + place : `null or ${place}`];
  });
  return Object.fromEntries(values) as UsageRow;
}

test("a row is decoded as it was encoded, with every column or without the optional ones", () => {
  const full = fullRow();
  assert.deepEqual(decodeClose(encodeClose(full)), full);
  const bare = rowOf(closeRecord("req_1"), {}, { costNanoUsd: undefined, snapshot: null });
  assert.deepEqual(decodeClose(encodeClose(bare)), bare);
  assert.throws(() => decodeClose("a\0b"), { message: "a CLOSE of 2 fields, where 30 or 47 were expected" });
});

test("records of earlier versions are still read", () => {
  const row = rowOf(closeRecord("req_1"), { input: 7 }, { costNanoUsd: 5n, snapshot: "{}" });
  const open = openRecord("req_1", { tags: '["a"]', clientRequestId: "abc" });
  assert.deepEqual(decodeClose(encodeClose(row).split("\0").slice(0, 26).join("\0")), row);
  assert.deepEqual(decodeOpen(encodeOpen(open).split("\0").slice(0, 12).join("\0")), open);
  assert.deepEqual(decodeOpen(encodeOpen(open).split("\0").slice(0, 18).join("\0")), open);
  const earlier = { ...fullRow(), firewall: null };
  assert.deepEqual(decodeClose(encodeClose(earlier).split("\0").slice(0, 46).join("\0")), earlier);
  const rare = { ...earlier, bound_tags: null };
  assert.deepEqual(decodeClose(encodeClose(rare).split("\0").slice(0, 45).join("\0")), rare);
  const bytes = Buffer.alloc(200);
  const end = writeFrame(bytes, 0, recordTypes.open, 3, "old");
  bytes[8] = 1;
  bytes.writeUInt32LE(crc32(bytes.subarray(8, end)), 4);
  assert.deepEqual(readFrame(bytes, 0), { type: recordTypes.open, seq: 3, payload: "old", end });
  bytes[8] = 4;
  bytes.writeUInt32LE(crc32(bytes.subarray(8, end)), 4);
  assert.equal(readFrame(bytes, 0), undefined);
});

test("what is known when an attempt begins is decoded as it was encoded", () => {
  const open = openRecord("req_1", {
    protocol: "anthropic-messages",
    lane: "translated",
    stream: false,
    clientName: "codex_cli_rs/0.169",
    attemptReason: "upstream_error",
    askedClass: "flex",
    inputTokensEstimate: 9,
    tags: '["a","b"]',
    boundTags: 1,
  });
  assert.deepEqual(decodeOpen(encodeOpen(open)), open);
});

test("an OPEN and a row are decoded as they were encoded, whatever text they contain", () => {
  const text = anyText(300);
  fc.assert(
    fc.property(text, text, fc.option(text), fc.option(fc.nat()), (model, client, tag, estimate) => {
      const open: OpenRecord = openRecord("req_1", {
        modelAsked: model,
        clientRequestId: storable(client),
        ...(tag === null ? {} : { tags: JSON.stringify([tag]) }),
        ...(estimate === null ? {} : { inputTokensEstimate: estimate }),
      });
      assert.deepEqual(decodeOpen(encodeOpen(open)), { ...open, modelAsked: storable(model) });
      const row = rowOf({ ...closeRecord("req_1"), ...open, modelServed: client }, {}, { costNanoUsd: 5n, snapshot: null });
      assert.deepEqual(decodeClose(encodeClose(row)), row);
    }),
  );
});

test("a record that is changed in any byte, or truncated, is not read", () => {
  const bytes = Buffer.alloc(4096);
  const seq = 2 ** 40 + 7;
  const end = writeFrame(bytes, 3, recordTypes.open, seq, "payload é");
  assert.deepEqual(readFrame(bytes, 3), { type: recordTypes.open, seq, payload: "payload é", end });
  for (let at = 3; at < end; at++) {
    bytes[at]! ^= 1;
    assert.equal(readFrame(bytes, 3), undefined, `byte ${at}`);
    bytes[at]! ^= 1;
  }
  for (let length = 0; length < end; length++) assert.equal(readFrame(bytes.subarray(0, length), 3), undefined, `${length} bytes`);
  assert.equal(writeFrame(Buffer.alloc(20), 0, recordTypes.open, 1, "too long for it"), 0);
});

test("a row with as many model calls behind it as are kept, under long names, is read again", () => {
  const model = "us.anthropic.claude-opus-4-6-20260205-v1:0".padEnd(256, "é");
  const counts = { input: 1_234_567, output: 1_234_567, cacheRead: 12_345, cacheWrite5m: 12_345, cacheWrite1h: 12_345, reasoning: 12_345 };
  const usage = { input: 1, output: 1, iterations: Array.from({ length: 100 }, () => ({ kind: "advisor" as const, model, ...counts })) };
  const prices = createPriceCatalogue({ overrides: { [model]: { input: "5", output: "25" }, m: { input: "1", output: "2" } } });
  const row = chargedRow(prices, { ...closeRecord("req_1"), modelServed: "m", usage });
  const bytes = Buffer.alloc(4 * 1024 * 1024);
  const end = writeFrame(bytes, 0, recordTypes.close, 1, encodeClose(row));
  assert.ok(end > 64 * 1024, `${end} bytes`);
  assert.deepEqual(decodeClose(readFrame(bytes.subarray(0, end), 0)!.payload), row);
});

test("a change of stored responses or proofs is decoded as it was encoded; the character NUL is replaced before", () => {
  const owner = { id: "resp_1", userId: "u", provider: "p", providerKey: "", model: "m é" };
  const body = { status: "completed", background: false, previousId: "resp_0", input: '[{"a":"\\u0000"}]', response: "{}" } as const;
  const changes: readonly KeptChange[] = [
    { kind: "insert", owner, createdMs: 7, unbilled: true, body: null },
    { kind: "insert", owner, createdMs: 7, unbilled: false, body },
    { kind: "insert", owner: { ...owner, placeholders: "sealed" }, createdMs: 7, unbilled: true, body: null },
    { kind: "insert", owner: { ...owner, placeholders: "sealed" }, createdMs: 7, unbilled: false, body },
    { kind: "insert", owner, createdMs: 7, unbilled: false, body: { ...body, previousId: undefined, background: true } },
    { kind: "conclude", id: "resp_1", status: "failed", response: '{"é":1}' },
    { kind: "proof", userId: "u", callId: "call_1", sealed: "S", createdMs: 8 },
  ];
  for (const change of changes) {
    assert.deepEqual(decodeKeep(encodeKeep(change)), change);
    assert.equal(storableChange(change), change);
  }
  const odd = storableChange({
    kind: "insert",
    owner: { ...owner, model: "m\0n" },
    createdMs: 7,
    unbilled: false,
    body: { ...body, input: "\0" },
  });
  assert.deepEqual(decodeKeep(encodeKeep(odd)), {
    kind: "insert",
    owner: { ...owner, model: "m\uFFFDn" },
    createdMs: 7,
    unbilled: false,
    body: { ...body, input: "\uFFFD" },
  });
  assert.throws(() => decodeKeep("a\0b"), { message: "a KEEP of 2 fields" });
});
