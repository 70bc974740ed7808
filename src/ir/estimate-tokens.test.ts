import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Block } from "./block.ts";
import { estimateRequest, estimateText } from "./estimate-tokens.ts";
import type { ChatRequest } from "./request.ts";

interface Sample {
  readonly kind: string;
  readonly name: string;
  /** The count by OpenAI's `o200k_base` (npm package `js-tiktoken` 1.0, November 2026). */
  readonly tokens: number;
  readonly text: string;
}

const samples = JSON.parse(readFileSync(new URL("fixtures/token-counts.json", import.meta.url), "utf8")) as readonly Sample[];

/** Only the picture's header is read. */
const png = (width: number, height: number): string => {
  const bytes = Buffer.alloc(33);
  bytes.writeUInt32BE(0x89504e47, 0);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes.toString("base64");
};
const jpeg = (width: number, height: number): string => {
  const bytes = Buffer.alloc(40);
  bytes.write("ffd8ffe0000a", 0, "hex");
  bytes.write("ffc0001108", 14, "hex");
  bytes.writeUInt16BE(height, 19);
  bytes.writeUInt16BE(width, 21);
  return bytes.toString("base64");
};
const gif = (width: number, height: number): string => {
  const bytes = Buffer.alloc(30);
  bytes.write("GIF89a", 0, "latin1");
  bytes.writeUInt16LE(width, 6);
  bytes.writeUInt16LE(height, 8);
  return bytes.toString("base64");
};
const webp = (width: number, height: number): string => {
  const bytes = Buffer.alloc(40);
  bytes.write("RIFF\0\0\0\0WEBPVP8X", 0, "latin1");
  bytes.writeUIntLE(width - 1, 24, 3);
  bytes.writeUIntLE(height - 1, 27, 3);
  return bytes.toString("base64");
};

function ofBlock(block: Block): number {
  return estimateRequest({ model: "m", stream: false, messages: [{ role: "user", content: [block] }] });
}

function image(data: string): number {
  return ofBlock({ type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data } });
}

/** The tokens around the content of a message. */
const frame = 4;

describe("the estimate of a text", () => {
  test("is within a quarter of a tokenizer's count for each text, and within a tenth on average for each kind", () => {
    const ratios = new Map<string, number[]>();
    for (const { kind, name, tokens, text } of samples) {
      const ratio = estimateText(text) / tokens;
      assert.ok(ratio > 0.75 && ratio < 1.25, `${kind}, ${name}: ${ratio}`);
      ratios.set(kind, [...(ratios.get(kind) ?? []), ratio]);
    }
    assert.deepEqual([...ratios.keys()], ["english", "code", "cjk", "json", "other scripts"]);
    for (const [kind, list] of ratios) {
      const mean = list.reduce((sum, ratio) => sum + ratio) / list.length;
      assert.ok(mean > 0.9 && mean < 1.1, `${kind}: ${mean}`);
    }
  });

  test("is 0 for an empty text, and finite and positive for any other text but a single space", () => {
    assert.deepEqual([estimateText(""), estimateText(" ")], [0, 0]);
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 2, maxLength: 50 }), (codes) => {
        const text = String.fromCharCode(...codes);
        const tokens = estimateText(text);
        assert.ok(tokens > 0 && tokens <= text.length, String(tokens));
      }),
    );
  });

  test("of a text of many words is the sum of the estimates of its words", () => {
    assert.equal(Math.round(estimateText("word ".repeat(10_000))), 10_000);
  });
});

describe("the estimate of a request", () => {
  test("of a text of many megabytes is that of evenly spread parts of it", () => {
    const text = "Words and 12 numbers; ".repeat(300_000);
    const whole = estimateText(text.slice(0, 4_000_000)) * (text.length / 4_000_000);
    assert.ok(Math.abs(estimateText(text) / whole - 1) < 0.001);
    // Two halves of different kinds count alike.
    const halves = "word ".repeat(600_000) + "漢".repeat(3_000_000);
    assert.ok(Math.abs(estimateText(halves) / (600_000 + 0.78 * 3_000_000) - 1) < 0.05);
  });

  test("includes instructions, messages, tools, calls, results and the schema of the answer, and rounds once", () => {
    const request: ChatRequest = {
      model: "m",
      stream: false,
      messages: [
        { role: "system", content: [{ type: "text", text: "Be brief." }] },
        { role: "user", content: [{ type: "text", text: "How is the weather today?" }] },
        { role: "assistant", content: [{ type: "tool-call", id: "c", name: "weather", kind: "function", arguments: '{"city":"Bern"}' }] },
        { role: "user", content: [{ type: "tool-result", callId: "c", content: [{ type: "text", text: "Rain, 12 °C" }] }] },
      ],
    };
    const without = (drop: number): number => estimateRequest({ ...request, messages: request.messages.toSpliced(drop, 1) });
    const whole = estimateRequest(request);
    for (const index of request.messages.keys()) assert.ok(whole - without(index) >= frame, `message ${index}`);
    const tools = [{ type: "function" as const, name: "weather", description: "Tells the weather.", parameters: { type: "object" } }];
    const schema = { type: "object", properties: { city: { type: "string" } } };
    assert.ok(estimateRequest({ ...request, tools }) >= whole + 10);
    assert.ok(estimateRequest({ ...request, responseFormat: { type: "json-schema", schema } }) >= whole + 10);
    assert.equal(whole, Math.round(whole));
    assert.equal(estimateRequest({ model: "m", stream: false, messages: [] }), 0);
  });

  test("counts a picture by its pixels, up to the vendors' maximum, and not by the length of its base64", () => {
    const sizes = [png, jpeg, gif, webp].map((make) => image(make(750, 100)) - frame);
    assert.deepEqual(sizes, [100, 100, 100, 100]);
    assert.equal(image(png(8, 8)) - frame, 1);
    assert.equal(image(png(30_000, 30_000)) - frame, 1600);
    assert.equal(image(png(0, 0)) - frame, 1);
    assert.equal(image(png(750, 100) + "A".repeat(4_000_000)) - frame, 100);
  });

  test("a picture of unknown size, a document, a sound and a film get typical counts", () => {
    const media = (kind: "image" | "document" | "audio" | "video", data: string): number =>
      ofBlock({ type: "media", kind, source: { type: "base64", mediaType: "x/y", data } }) - frame;
    const pdf = Buffer.from("%PDF-1.7 << /Type /Pages >> << /Type /Page >> <</Type/Page/Parent 1 0 R>>").toString("base64");
    assert.deepEqual(
      [
        ofBlock({ type: "media", kind: "image", source: { type: "url", url: "https://example.com/a.png" } }) - frame,
        media("image", "bm90IGEgcGljdHVyZQ=="),
        media("document", pdf),
        media("document", "JVBERi0x"),
        media("audio", Buffer.alloc(50_000).toString("base64")),
        media("video", Buffer.alloc(1_000_000).toString("base64")),
      ],
      [1000, 1000, 4000, 2000, 101, 1001],
    );
    assert.equal(ofBlock({ type: "media", kind: "document", source: { type: "text", text: "Be brief." } }) - frame, 3);
  });

  test("a damaged picture counts as one of unknown size, without an error", () => {
    fc.assert(
      fc.property(fc.constantFrom(png, jpeg, gif, webp), fc.nat(40), fc.uint8Array({ maxLength: 60 }), (make, keep, noise) => {
        const bytes = Buffer.concat([Buffer.from(make(100, 100), "base64").subarray(0, keep), noise]);
        const tokens = image(bytes.toString("base64"));
        assert.ok(tokens >= frame && tokens <= 1600 + frame, String(tokens));
      }),
    );
  });
});
