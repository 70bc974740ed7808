import assert from "node:assert/strict";
import { createDice } from "./clearing/random-operations.ts";
import { canonicalText, parseCanonical } from "./documents/canonical.ts";
import { DocumentError } from "./documents/document-error.ts";
import { documentHash, documentText, readDocument, verifyDocument } from "./documents/document.ts";
import type { DocumentType } from "./documents/kinds.ts";
import { createFrameSplitter, encodeFrame, FrameError, maxFrameBytes, type Frame } from "./identity/frames.ts";
import { vectors } from "./testing.ts";

/** What changes make of a text: other bytes, parts that are gone, repeated or put in. */
const inserts = [
  "null",
  "-0",
  "1.0",
  "1e3",
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\u0000",
  String.raw`\ud800`,
  "9007199254740993",
  '"n":1,',
  "\u{1F600}",
];

export interface FuzzCounts {
  readonly accepted: number;
  readonly refused: number;
  readonly frames: number;
}

/**
 * Changed documents are read and verified, and changed frames are split: everything is read or refused by the errors of the room, what is read is what its canonical text says,
 * and no document that was changed keeps its signature.
 * @throws AssertionError
 */
export function fuzzParsers({ seed, runs }: { readonly seed: number; readonly runs: number }): FuzzCounts {
  const dice = createDice(seed);
  const documents = Object.values(vectors.documents).map(({ document, signer }) => ({
    type: document.type as DocumentType,
    text: JSON.stringify(document),
    hash: documentHash(document.type as DocumentType, document.body),
    signer: vectors.nodes[signer],
  }));
  const counts = { accepted: 0, refused: 0, frames: 0 };
  for (let run = 0; run < runs; run++) {
    const { type, text, hash, signer } = documents[dice(documents.length)]!;
    let changed = text;
    for (let changes = dice(3); changes >= 0; changes--) changed = changedText(changed, dice);
    try {
      const document = readDocument(type, changed);
      assert.equal(canonicalText(parseCanonical(documentText(document))), canonicalText(parseCanonical(changed)), changed);
      // Only spaces, the order of members and the form of escapes may differ from what was signed.
      assert.equal(verifyDocument(document, signer), hash, changed);
      counts.accepted++;
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      counts.refused++;
    }
    counts.frames += fuzzFrames(dice);
  }
  return counts;
}

function changedText(text: string, dice: (below: number) => number): string {
  const at = dice(text.length + 1);
  const size = dice(12);
  switch (dice(5)) {
    case 0:
      return text.slice(0, at) + text.slice(at + size);
    case 1:
      return text.slice(0, at) + inserts[dice(inserts.length)]! + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at, at + size) + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(dice(0x1_0000)) + text.slice(at + 1);
    default:
      // Often no change of the meaning.
      return text.slice(0, at) + " ".repeat(dice(3)) + text.slice(at);
  }
}

/** @returns how many frames were split. */
function fuzzFrames(dice: (below: number) => number): number {
  const sent = Array.from({ length: dice(4) }, () => encodeFrame((1 + dice(8)) as Frame["type"], Buffer.alloc(dice(40), dice(256))));
  const wire = Buffer.concat(sent);
  for (let changes = dice(3); changes > 0 && wire.length > 0; changes--) wire[dice(wire.length)] = dice(256);
  const splitter = createFrameSplitter();
  let frames = 0;
  let bytes = 0;
  try {
    for (let at = 0; at < wire.length;) {
      const end = at + 1 + dice(30);
      for (const { type, payload } of splitter.push(wire.subarray(at, end))) {
        frames++;
        bytes += payload.length + 5;
        assert.ok(type >= 1 && type <= 8 && payload.length < maxFrameBytes);
      }
      at = end;
    }
    assert.ok(splitter.isComplete ? bytes === wire.length : bytes < wire.length);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
  }
  return frames;
}
