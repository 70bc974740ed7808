import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { asBytes, latin1OfUtf8, SseSplitter } from "../core/index.ts";
import { estimatePassed, type ProtocolId } from "../ir/index.ts";
import { protocols } from "./index.ts";

/** Texts with their counts by OpenAI's `o200k_base`. */
const samples = JSON.parse(readFileSync(new URL("../ir/fixtures/token-counts.json", import.meta.url), "utf8")) as readonly {
  readonly name: string;
  readonly tokens: number;
  readonly text: string;
}[];

const eventOf: Readonly<Record<ProtocolId, (text: string) => object>> = {
  "openai-chat": (text) => ({
    id: "c",
    object: "chat.completion.chunk",
    model: "m",
    choices: [{ index: 0, delta: { content: text }, finish_reason: null }],
  }),
  "openai-responses": (text) => ({ type: "response.output_text.delta", item_id: "i", delta: text }),
  "anthropic-messages": (text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  "gemini-generate": (text) => ({ candidates: [{ content: { role: "model", parts: [{ text }] } }] }),
};

/** The tokens of a text that passes in pieces of eight letters, as a stream of a protocol. */
function estimated(protocol: ProtocolId, text: string): number {
  const tap = protocols.get(protocol)!.createTap({ hideUsage: false });
  const pieces = text.match(/.{1,8}/gsu) ?? [];
  const wire = pieces.map((piece) => `data: ${JSON.stringify(eventOf[protocol](piece))}\n\n`).join("");
  for (const event of new SseSplitter().push(asBytes(latin1OfUtf8(wire)))) tap.push(event);
  return estimatePassed(tap.textBytes, tap.textSample);
}

for (const protocol of Object.keys(eventOf) as ProtocolId[]) {
  test(`the output of a stream of ${protocol} is estimated by its text: less than 10 % off in the median, 40 % at worst`, () => {
    const errors = samples.map(({ text, tokens }) => Math.abs(estimated(protocol, text) / tokens - 1)).toSorted((a, b) => a - b);
    const [median, worst] = [errors[Math.floor(errors.length / 2)]!, errors.at(-1)!];
    assert.ok(median < 0.1 && worst < 0.4, `median ${median.toFixed(3)}, worst ${worst.toFixed(3)}`);
  });
}

test("of a long text the beginning is the sample, and an escape or a character that it cuts is none", () => {
  const text = 'Привет, "мир"!\n'.repeat(500);
  const [whole, twice] = [text, text + text].map((each) => estimated("anthropic-messages", each));
  assert.ok(Math.abs(twice! / whole! - 2) < 0.05, `${whole} ${twice}`);
  assert.equal(estimatePassed(4000, asBytes("")), 1000);
});
