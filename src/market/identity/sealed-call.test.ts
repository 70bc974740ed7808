import assert from "node:assert/strict";
import { test } from "node:test";
import { relayAnswerBytes } from "../wire.ts";
import { vectors } from "../testing.ts";
import { createFrameSplitter } from "./frames.ts";
import { createNodeKey, isSignedBy, privateKeyOf, rawPublicKey } from "./node-key.ts";
import { callerOfPass, RelayPasses } from "./relay-pass.ts";
import { openCall, sealCall } from "./sealed-call.ts";
import { openLeaseSecret } from "./sealing.ts";

const { relay, seeds, nodes } = vectors;
const key = privateKeyOf("x25519", Buffer.from(seeds["seller sealing key"], "hex"));
const publicKey = rawPublicKey(key).toString("base64url");
const keys = [{ kid: relay.call.kid, key, publicKey, untilMs: 0 }];

test("the vectors' sealed call opens to its request and its answer", () => {
  const { request, answer } = relay.call;
  const { wire, ...plain } = request;
  assert.deepEqual(openCall(Buffer.from(wire, "base64"), keys).request, plain);
  const open = JSON.parse(createFrameSplitter().push(Buffer.from(wire, "base64"))[0]!.payload.toString("utf8")) as { readonly enc: string };
  const secret = openLeaseSecret("call", relay.call.kid, Buffer.from(open.enc, "base64url"), key);
  const [salt, ...frames] = createFrameSplitter().push(Buffer.from(answer.wire, "base64"));
  const opener = secret.opener(1, "answer", salt!.payload);
  assert.deepEqual(
    frames.map(({ type, payload }) => opener.open(type, payload).toString("utf8")),
    [`{"status":${answer.status}}`, answer.text],
  );
});

test("what a caller seals, its node answers, also in many frames, and no two answers have one key", () => {
  const call = sealCall({ method: "GET", path: "/book", authorization: "TN1 a.1.b", text: "" }, { kid: relay.call.kid, x25519: publicKey });
  const opened = openCall(call.bytes, keys);
  assert.deepEqual(opened.request, { method: "GET", path: "/book", authorization: "TN1 a.1.b", text: "" });
  const answers = ["", "short", "long ".repeat(500_000)].map((text) => ({ status: 200, text }));
  for (const answer of answers) assert.deepEqual(call.open(opened.seal(answer)), answer);
  const [one, two] = [opened.seal(answers[1]!), opened.seal(answers[1]!)];
  assert.notDeepEqual(one.subarray(-20), two.subarray(-20));
});

test("a call or an answer that is altered, cut, extended or mixed does not open", () => {
  const how = { kid: relay.call.kid, x25519: publicKey };
  const call = sealCall({ method: "POST", path: "/join", text: "a code" }, how);
  const other = sealCall({ method: "POST", path: "/join", text: "another" }, how);
  const answer = openCall(call.bytes, keys).seal({ status: 200, text: "x".repeat(2_000_000) });
  const foreign = openCall(other.bytes, keys).seal({ status: 200, text: "y" });
  const altered = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at < 0 ? copy.length + at : at]! ^= 1;
    return copy;
  };
  const first = 37;
  for (const bytes of [
    altered(call.bytes, -1),
    altered(call.bytes, 20),
    call.bytes.subarray(0, -3),
    Buffer.concat([call.bytes, call.bytes]),
    Buffer.alloc(0),
  ])
    assert.throws(() => openCall(bytes, keys));
  for (const bytes of [
    altered(answer, 10),
    altered(answer, -1),
    answer.subarray(0, -3),
    // Without its last frame.
    answer.subarray(0, 37 + 35 + 1_048_580),
    Buffer.concat([answer, answer.subarray(first)]),
    foreign,
    Buffer.alloc(0),
  ])
    assert.throws(() => call.open(bytes));
});

test("a pass is its caller's, for one seller and for two minutes", () => {
  const { text, seller, at } = relay.pass;
  const callers = [
    callerOfPass(text, seller, at + 100_000),
    callerOfPass(text, seller, at + 130_000),
    callerOfPass(text, nodes.exchange, at),
    callerOfPass(text.replace(nodes.buyer, nodes.seller), seller, at),
    callerOfPass(undefined, seller, at),
    callerOfPass("TN1 a.b.c", seller, at),
  ];
  assert.deepEqual(callers, [nodes.buyer, undefined, undefined, undefined, undefined, undefined]);
  let now = at;
  const passes = new RelayPasses(
    () => createNodeKey(Buffer.from(seeds.buyer, "hex")),
    () => now,
  );
  const first = passes.for(seller);
  now += 59_000;
  assert.deepEqual([first, passes.for(seller)], [text, text]);
  now += 2000;
  assert.notEqual(passes.for(seller), text);
});

test("a relay signs for one connection of a seller", () => {
  const { authorization, url, sig } = relay.answer;
  const signed = (header: string): boolean => isSignedBy(nodes.exchange, relayAnswerBytes(header, url), Buffer.from(sig, "base64url"));
  assert.deepEqual([signed(authorization), signed(`${authorization}y`)], [true, false]);
});
