import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { vectors } from "../testing.ts";
import { createFrameSplitter, encodeFrame, FrameError, frameTypes, maxFrameBytes, type Frame, type FrameType } from "./frames.ts";
import { privateKeyOf, rawPublicKey } from "./node-key.ts";
import { createLeaseSecret, openLeaseSecret, SealError, type Direction } from "./sealing.ts";

const { sealing, seeds, documents } = vectors;
const sealKey = privateKeyOf("x25519", Buffer.from(seeds["seller sealing key"], "hex"));
const enc = Buffer.from(sealing.enc, "hex");

for (const direction of ["request", "answer"] as const satisfies readonly Direction[]) {
  test(`the vectors' ${direction} frames open to their texts, and their texts seal to the same frames`, () => {
    const secret = openLeaseSecret(sealing.lease, sealing.kid, enc, sealKey);
    assert.equal(secret.session, documents["order"]!.document.body["session"]);
    const wire = Buffer.concat(sealing.frames[direction].map(({ frame }) => Buffer.from(frame, "base64")));
    const opener = secret.opener(1, direction);
    const opened = createFrameSplitter()
      .push(wire)
      .map(({ type, payload }) => ({ type, plain: opener.open(type, payload).toString("utf8") }));
    assert.deepEqual(
      opened,
      sealing.frames[direction].map(({ type, plain }) => ({ type, plain })),
    );
    const sealer = secret.sealer(1, direction);
    const sealed = opened.map(({ type, plain }) => encodeFrame(type, sealer.seal(type, Buffer.from(plain))));
    assert.equal(Buffer.concat(sealed).toString("base64"), wire.toString("base64"));
  });
}

function twoSides(): { readonly buyer: ReturnType<typeof createLeaseSecret>; readonly seller: ReturnType<typeof openLeaseSecret> } {
  const buyer = createLeaseSecret("lse_1", "k1", rawPublicKey(sealKey).toString("base64url"));
  return { buyer, seller: openLeaseSecret("lse_1", "k1", buyer.enc, sealKey) };
}

test("what a buyer seals, its seller opens, and nothing else", () => {
  const { buyer, seller } = twoSides();
  const plain = Buffer.from("a prompt");
  const sealed = buyer.sealer(7, "request").seal(frameTypes.request, plain);
  assert.deepEqual(seller.opener(7, "request").open(frameTypes.request, sealed), plain);
  const flipped = Buffer.from(sealed);
  flipped[3]! ^= 1;
  const other = openLeaseSecret("lse_2", "k1", buyer.enc, sealKey);
  const wrong: readonly (() => unknown)[] = [
    () => seller.opener(8, "request").open(frameTypes.request, sealed),
    () => seller.opener(7, "answer").open(frameTypes.request, sealed),
    () => seller.opener(7, "request").open(frameTypes.requestEnd, sealed),
    () => seller.opener(7, "request").open(frameTypes.request, flipped),
    () => seller.opener(7, "request").open(frameTypes.request, sealed.subarray(0, 10)),
    () => other.opener(7, "request").open(frameTypes.request, sealed),
    () => openLeaseSecret("lse_1", "k1", Buffer.alloc(3), sealKey),
  ];
  for (const open of wrong) assert.throws(open, SealError);
});

test("frames that are repeated, left out or moved do not open", () => {
  const { buyer, seller } = twoSides();
  const sealer = buyer.sealer(1, "request");
  const sealed = ["one", "two", "three"].map((text) => sealer.seal(frameTypes.request, Buffer.from(text)));
  for (const order of [[0, 0], [1], [0, 2], [1, 0]]) {
    const opener = seller.opener(1, "request");
    assert.throws(() => order.forEach((index) => opener.open(frameTypes.request, sealed[index]!)), SealError);
  }
});

test("frames are the same however their bytes are cut", () => {
  const type = fc.constantFrom<FrameType>(...Object.values(frameTypes));
  const frames = fc.array(fc.record({ type, payload: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 6 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 8 }), (sent, cuts) => {
      const wire = Buffer.concat(sent.map((frame) => encodeFrame(frame.type, frame.payload)));
      const splitter = createFrameSplitter();
      const places = [0, ...cuts.filter((cut) => cut < wire.length).toSorted((a, b) => a - b), wire.length];
      const received: Frame[] = places.slice(1).flatMap((end, index) => splitter.push(wire.subarray(places[index], end)));
      assert.deepEqual(
        received,
        sent.map((frame) => ({ type: frame.type, payload: Buffer.from(frame.payload) })),
      );
      assert.equal(splitter.isComplete, true);
    }),
    { numRuns: 200 },
  );
});

test("half a frame is not complete, and a frame that does not exist is refused", () => {
  const splitter = createFrameSplitter();
  assert.deepEqual(splitter.push(encodeFrame(frameTypes.data, Buffer.from("abc")).subarray(0, 6)), []);
  assert.equal(splitter.isComplete, false);
  const long = Buffer.alloc(5);
  long.writeUInt32BE(maxFrameBytes + 1);
  long.writeUInt8(frameTypes.data, 4);
  assert.throws(() => createFrameSplitter().push(long), FrameError);
  assert.throws(() => createFrameSplitter().push(Buffer.from([0, 0, 0, 1, 9])), FrameError);
  assert.throws(() => createFrameSplitter().push(Buffer.from([0, 0, 0, 0, 1])), FrameError);
});
