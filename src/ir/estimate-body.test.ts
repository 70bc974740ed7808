import assert from "node:assert/strict";
import { test } from "node:test";
import { estimateBody } from "./estimate-body.ts";

/** A PNG whose header has this size, followed by noise. */
function png(width: number, height: number, sizeBytes: number): string {
  const bytes = Buffer.alloc(sizeBytes, "the quick brown fox");
  Buffer.from("89504e470d0a1a0a0000000d49484452", "hex").copy(bytes);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes.toString("base64");
}

const picture = png(1000, 750, 2_700_000);
const text = JSON.stringify({ messages: [{ role: "user", content: "What is in this picture? ".repeat(100) }] });
const textTokens = Math.ceil(text.length / 4);

test("a body of text counts as one token per four bytes, at any length", () => {
  assert.equal(estimateBody(""), 0);
  assert.equal(estimateBody(text), textTokens);
  const long = JSON.stringify({ input: "Schöne Wörter, einszweidrei. ".repeat(20_000) });
  assert.equal(estimateBody(long), Math.ceil(long.length / 4));
});

test("a picture in base64 counts by its pixels in each dialect, not by its bytes", () => {
  const ways = [
    { type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } },
    { type: "input_image", image_url: `data:image/png;base64,${picture}` },
    { type: "image", source: { type: "base64", media_type: "image/png", data: picture } },
    { inlineData: { mimeType: "image/png", data: picture } },
  ];
  for (const way of ways) {
    const rest = JSON.stringify([way]).length - picture.length;
    const estimate = estimateBody(JSON.stringify([way]));
    assert.ok(estimate >= 1000 && estimate <= 1000 + rest / 4 + 1, `${estimate}`);
  }
  const escaped = JSON.stringify([ways[0]]).replaceAll("/", "\\/");
  assert.ok(estimateBody(escaped) < 1100);
  assert.ok(estimateBody(JSON.stringify([ways[0], ways[2], text])) < 2000 + textTokens + 200);
});

test("sound, video and documents count by their kind; base64 of an unknown kind counts as text", () => {
  const data = Buffer.alloc(300_000, "sound and vision").toString("base64");
  const of = (part: object): number => estimateBody(JSON.stringify([part]));
  assert.ok(Math.abs(of({ inlineData: { mimeType: "audio/mp3", data } }) - 600) < 30);
  assert.ok(Math.abs(of({ inlineData: { mimeType: "video/mp4", data } }) - 300) < 30);
  assert.ok(Math.abs(of({ type: "input_audio", input_audio: { data } }) - 600) < 30);
  const pdf = Buffer.from(`%PDF-1.7 ${"/Type /Page x ".repeat(3)}${"y".repeat(30_000)}`).toString("base64");
  assert.ok(Math.abs(of({ type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf } }) - 6000) < 30);
  const sealed = { type: "reasoning", encrypted_content: data };
  assert.equal(of(sealed), Math.ceil(JSON.stringify([sealed]).length / 4));
});
