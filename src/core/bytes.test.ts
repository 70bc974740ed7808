import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes, bytesOf, latin1OfUtf8, utf8OfLatin1, type Bytes, type Text } from "./bytes.ts";

test("text becomes the bytes of its UTF-8, one character a byte, and comes back", () => {
  for (const text of ["", "plain", "Grüße", "日本語 🙂"]) {
    const bytes = latin1OfUtf8(text);
    assert.deepEqual([bytes, utf8OfLatin1(bytes)], [Buffer.from(text, "utf8").toString("latin1"), text]);
    assert.equal(bytesOf(Buffer.from(text, "utf8")), bytes);
  }
});

test("the compiler refuses bytes where text is due, and text where bytes are due", () => {
  const sendText = (text: Text): string => `text ${text}`;
  const sendBytes = (bytes: Bytes): string => `bytes ${bytes}`;
  const body = latin1OfUtf8("Grüße");
  const sent = [
    sendText("Grüße"),
    sendBytes(body),
    sendBytes(asBytes(body.slice(0, 2))),
    // @ts-expect-error bytes are not text
    sendText(body),
    // @ts-expect-error text is not bytes
    sendBytes("Grüße"),
    // @ts-expect-error bytes are not encoded twice
    latin1OfUtf8(body),
    // @ts-expect-error text is not decoded
    utf8OfLatin1("plain"),
  ];
  assert.equal(sent.length, 7);
});
