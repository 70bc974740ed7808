import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { estimateBody, estimatePrompt } from "./estimate-body.ts";

/** Texts with their counts by OpenAI's `o200k_base`. */
const samples = JSON.parse(readFileSync(new URL("fixtures/token-counts.json", import.meta.url), "utf8")) as readonly {
  readonly name: string;
  readonly tokens: number;
  readonly text: string;
}[];
/** What OpenAI counts around the only message of a request (cookbook, How to count tokens with tiktoken): 3 for it, 1 for its role, 3 for the answer's beginning. */
const frameTokens = 7;

const latin1 = (body: unknown): string => Buffer.from(JSON.stringify(body)).toString("latin1");
/** As Python's `json.dumps` writes it. */
const escaped = (body: unknown): string =>
  JSON.stringify(body).replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

const bodies: Readonly<Record<string, (text: string) => string>> = {
  chat: (text) => latin1({ model: "gpt-5", messages: [{ role: "user", content: text }] }),
  escaped: (text) => escaped({ model: "gpt-5", messages: [{ role: "user", content: text }] }),
  responses: (text) => latin1({ model: "gpt-5", input: text }),
  messages: (text) => latin1({ model: "claude-opus-5", max_tokens: 1000, messages: [{ role: "user", content: [{ type: "text", text }] }] }),
  gemini: (text) => latin1({ contents: [{ role: "user", parts: [{ text }] }] }),
};

test("the estimate of a prompt is off by less than 10 % in the median and 40 % at worst, in every dialect, before anything is learned", () => {
  for (const [dialect, write] of Object.entries(bodies)) {
    const errors = samples
      .map(({ text, tokens }) => Math.abs(estimatePrompt(write(text)) / (tokens + frameTokens) - 1))
      .toSorted((a, b) => a - b);
    const [median, worst] = [errors[Math.floor(errors.length / 2)]!, errors.at(-1)!];
    assert.ok(median < 0.1 && worst < 0.4, `${dialect}: median ${median.toFixed(3)}, worst ${worst.toFixed(3)}`);
  }
});

test("a long body is read in parts, and media count by their kind in both estimates", () => {
  const text = samples.map((sample) => sample.text).join("\n");
  const tokens = samples.reduce((sum, sample) => sum + sample.tokens, 0);
  const long = estimatePrompt(bodies["chat"]!(text.repeat(100)));
  assert.ok(Math.abs(long / (tokens * 100) - 1) < 0.15, String(long / (tokens * 100)));
  const sound = Buffer.alloc(600_000, 7).toString("base64");
  const body = latin1({ messages: [{ content: [{ type: "input_audio", input_audio: { data: sound, format: "mp3" } }] }] });
  for (const estimate of [estimatePrompt, estimateBody]) assert.ok(Math.abs(estimate(body) - 1200) < 40, String(estimate(body)));
  assert.equal(estimatePrompt(""), 0);
});
