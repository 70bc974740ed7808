import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createNodeKey } from "../identity/node-key.ts";
import { vectors } from "../testing.ts";
import { canonicalText, parseCanonical, type CanonicalValue } from "./canonical.ts";
import { costOfReceipt } from "./cost.ts";
import {
  checkTime,
  documentBytes,
  documentHash,
  documentText,
  maxDocumentBytes,
  readDocument,
  signDocument,
  verifyDocument,
} from "./document.ts";
import { DocumentError } from "./document-error.ts";
import { documentKinds, type DocumentBody, type DocumentType } from "./kinds.ts";

const keys = {
  seller: createNodeKey(Buffer.from(vectors.seeds.seller, "hex")),
  buyer: createNodeKey(Buffer.from(vectors.seeds.buyer, "hex")),
  exchange: createNodeKey(Buffer.from(vectors.seeds.exchange, "hex")),
};

function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof DocumentError) return error.problem;
    throw error;
  }
  return "accepted";
}

test("the vectors have a document of every type, with every field, and nothing that no test uses", () => {
  const { note, fields, ...sections } = vectors;
  assert.ok(note.length > 0);
  assert.deepEqual(Object.keys(sections).toSorted(), [
    "account_entry",
    "canonical",
    "clearing_run",
    "costs",
    "documents",
    "nodes",
    "refused",
    "relay",
    "sealing",
    "seeds",
  ]);
  const { rules: _rules, account_entry: _entry, ...types } = fields;
  assert.deepEqual(Object.keys(types).toSorted(), Object.keys(documentKinds).toSorted());
  for (const [type, described] of Object.entries(types)) {
    const bodies = Object.values(vectors.documents).filter(({ document }) => document.type === type);
    assert.ok(bodies.length > 0, type);
    for (const { document } of bodies) assert.deepEqual(Object.keys(document.body).toSorted(), Object.keys(described).toSorted(), type);
  }
});

test("a node's id is its public key", () => {
  assert.deepEqual({ seller: keys.seller.id, buyer: keys.buyer.id, exchange: keys.exchange.id }, vectors.nodes);
});

for (const [name, { signer, document, canonical, hash, bytes }] of Object.entries(vectors.documents)) {
  test(`the vector "${name}" is read, verified, and signed again to the same bytes`, () => {
    const type = document.type as DocumentType;
    const text = JSON.stringify(document);
    const read = readDocument(type, text);
    assert.deepEqual(read, document);
    assert.equal(verifyDocument(read, keys[signer].id), hash);
    assert.equal(documentBytes(type, document.body).toString("utf8"), canonical);
    assert.equal(documentHash(type, document.body), hash);
    assert.equal(canonicalText(document).length, bytes);
    assert.equal(signDocument(keys[signer], type, document.body as DocumentBody<DocumentType>).sig, document.sig);
  });

  test(`the vector "${name}" with any one field altered, missing or added is refused`, () => {
    const type = document.type as DocumentType;
    for (const key of Object.keys(document.body)) {
      const { [key]: value, ...rest } = document.body;
      assert.equal(
        problemOf(() => readDocument(type, JSON.stringify({ ...document, body: rest }))),
        "bad_field",
        `${key} is missing`,
      );
      const wrong = JSON.stringify({ ...document, body: { ...rest, [key]: null } });
      assert.match(
        problemOf(() => readDocument(type, wrong)),
        /^(?:bad_field|not_canonical)$/,
        `${key} is null`,
      );
      if (typeof value !== "number") continue;
      const altered = readDocument(type, JSON.stringify({ ...document, body: { ...rest, [key]: value + 1 } }));
      assert.equal(
        problemOf(() => verifyDocument(altered, keys[signer].id)),
        "bad_signature",
        `${key} is greater by 1`,
      );
    }
    assert.equal(
      problemOf(() => readDocument(type, JSON.stringify({ ...document, body: { ...document.body, extra: 1 } }))),
      "bad_field",
    );
    assert.equal(
      problemOf(() => readDocument(type, JSON.stringify({ ...document, extra: 1 }))),
      "bad_field",
    );
    const other = signer === "buyer" ? keys.seller : keys.buyer;
    assert.equal(
      problemOf(() => verifyDocument(readDocument(type, JSON.stringify(document)), other.id)),
      "bad_signature",
    );
  });
}

test("a document of another type, too large, unsigned or not JSON is refused", () => {
  const { document } = vectors.documents["order"]!;
  const text = JSON.stringify(document);
  assert.equal(
    problemOf(() => readDocument("lease/1", text)),
    "unknown_type",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", text + " ".repeat(maxDocumentBytes))),
    "too_large",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", JSON.stringify({ ...document, sig: "" }))),
    "bad_signature",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", text.slice(1))),
    "not_json",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", text.replace('"n":1', '"n":2,"n":1'))),
    "not_json",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", text.replace('"n":1', String.raw`"\u006e":1,"n":1`))),
    "not_json",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", text.replace('"n":1', '"n":1.0'))),
    "not_canonical",
  );
  assert.equal(
    problemOf(() => readDocument("order/1", text)),
    "accepted",
  );
});

test("no node signs a document that others refuse", () => {
  const body = vectors.documents["node"]!.document.body as DocumentBody<"node/1">;
  assert.equal(
    problemOf(() => signDocument(keys.seller, "node/1", { ...body, name: "" })),
    "bad_field",
  );
  assert.equal(
    problemOf(() => signDocument(keys.seller, "node/1", { ...body, reach: { direct: "http://192.0.2.7:8082/path" } })),
    "bad_field",
  );
  assert.equal(documentText(signDocument(keys.seller, "node/1", { ...body, reach: {} })).includes('"reach":{}'), true);
});

test("a document is new for two minutes", () => {
  assert.equal(
    problemOf(() => checkTime(1_000_000, 1_120_000)),
    "accepted",
  );
  assert.equal(
    problemOf(() => checkTime(1_000_000, 1_120_001)),
    "bad_time",
  );
  assert.equal(
    problemOf(() => checkTime(1_120_001, 1_000_000)),
    "bad_time",
  );
});

test("the canonical text is that of the vectors, and what has none is refused", () => {
  for (const { value, text } of vectors.canonical) assert.equal(canonicalText(value), text);
  for (const text of vectors.refused) {
    const problem = problemOf(() => parseCanonical(text.replace(" (duplicate key, at parse)", "")));
    assert.match(problem, /^not_/, text);
  }
});

const safeText = fc.string({ unit: "grapheme" });
const values = fc.letrec<{ any: CanonicalValue }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    safeText,
    fc.boolean(),
    fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(safeText, tie("any"), { maxKeys: 4 }),
  ),
})).any;

test("a value is what its canonical text says, whatever the order of its members", () => {
  fc.assert(
    fc.property(values, (value) => {
      const text = canonicalText(value);
      const parsed = parseCanonical(text);
      assert.equal(canonicalText(parsed), text);
      assert.deepEqual(parsed, JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalText(reversed(value)), text);
    }),
    { numRuns: 300 },
  );
});

function reversed(value: CanonicalValue): CanonicalValue {
  if (Array.isArray(value)) return (value as readonly CanonicalValue[]).map(reversed);
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

test("any text is read or refused with a DocumentError", () => {
  const types = Object.keys(documentKinds) as DocumentType[];
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.oneof(fc.string(), fc.json()), (type, text) => {
      assert.notEqual(
        problemOf(() => readDocument(type, text)),
        "accepted",
      );
    }),
    { numRuns: 300 },
  );
});

test("a cost is rounded once, half up", () => {
  for (const { price, usage, nano } of vectors.costs) {
    assert.equal(String(costOfReceipt(price, { reasoning: 0, ...usage })), nano);
  }
});
