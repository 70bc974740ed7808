import assert from "node:assert/strict";
import type { JsonObject, JsonValue } from "../testbed/json.ts";
import { isObject } from "../testbed/json.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import type { Turn } from "./ask.ts";
import type { Bench } from "./bench.ts";
import { models } from "./bench.ts";
import { weather } from "./scenarios.ts";

/** What a session came to. */
export interface Session {
  readonly turns: number;
  readonly calls: number;
  /** Of what one request said, the least share that the next one said again, byte for byte and from the beginning. */
  readonly leastRepeated: number;
  readonly lastBodyBytes: number;
}

/** The mock's proof of reasoning in its answer number `serial`; Chat has none. */
export const proofOf: Readonly<Partial<Record<Protocol, (serial: number) => string>>> = {
  "openai-responses": (serial) => `gAAAAmock${serial}==`,
  "anthropic-messages": (serial) => Buffer.from(`anthropic-signature-${serial}`).toString("base64"),
  "gemini-generate": (serial) => Buffer.from(`gemini-signature-${serial}`).toString("base64"),
};

/**
 * A conversation of an agent: each turn reasons and makes two or three calls, every tenth ends with words and the user goes on. The client sends all of
 * it again each time, as its SDK keeps it.
 */
export async function playSession(bench: Bench, client: Protocol, upstream: Protocol, turnCount: number): Promise<Session> {
  const { mock } = bench;
  mock.reset();
  const turns: Turn[] = [{ role: "user", text: "Work through all the cities. ✓" }];
  const said: string[] = [];
  let calls = 0;
  let leastRepeated = 1;
  let before: RecordedRequest | undefined;
  for (let turn = 0; turn < turnCount; turn++) {
    const rests = turn % 10 === 9;
    mock.enqueue(rests ? { text: [`Ten more done, ${turn}.`] } : working(turn));
    const outcome = await bench.clients[client].run(
      { system: "You are thorough.", turns, tools: [weather], reasoning: true, maxTokens: 20_000 },
      models[upstream],
      turn % 2 === 0,
    );
    const request = mock.requests.at(-1)!;
    assert.notEqual(request.scenario, null, `turn ${turn} was refused`);
    if (before !== undefined) leastRepeated = Math.min(leastRepeated, repeatedShare(before, request));
    before = request;
    turns.push({ role: "reply", reply: outcome.reply });
    if (rests) {
      turns.push({ role: "user", text: `Go on after ${turn}.` });
      continue;
    }
    const results = outcome.calls.map(({ id, name }, index) => ({ id, name, text: `Result ${turn}.${index}: ${"sunny, ".repeat(20)}✓` }));
    assert.equal(results.length, turn % 2 === 0 ? 3 : 2);
    calls += results.length;
    said.push(...results.map(({ text }) => text));
    turns.push({ role: "tools", results });
  }
  mock.enqueue({ text: ["All done."] });
  const last = await bench.clients[client].run({ turns, tools: [weather], reasoning: true, maxTokens: 20_000 }, models[upstream], true);
  assert.equal(last.text, "All done.");
  const body = mock.requests.at(-1)!.body.toString();
  for (const text of said) assert.ok(body.includes(text), `${text.slice(0, 20)} is still known`);
  const proof = proofOf[upstream];
  const reasoned = mock.requests.filter(({ scenario }) => (scenario?.toolCalls.length ?? 0) > 0);
  // The last ones are those that a provider asks for; older ones it may throw away itself.
  for (const { serial } of reasoned.slice(-9)) {
    if (proof !== undefined) assert.ok(body.includes(proof(serial)), `the proof of answer ${serial} came back`);
  }
  return { turns: turnCount, calls, leastRepeated, lastBodyBytes: body.length };
}

function working(turn: number): Scenario {
  const cities = turn % 2 === 0 ? ["Zürich", "東京", "São Paulo"] : ["Bern", "Genève"];
  return {
    reasoning: [`Turn ${turn}: `, "which ones? ✓"],
    text: [`Looking, turn ${turn}.`],
    toolCalls: cities.map((city) => ({ name: weather.name, arguments: { city, days: turn } })),
  };
}

/** Bytes of the earlier request's settings and leading messages that the later one has just so, over all of the earlier one's. Cache marks move on purpose. */
function repeatedShare(earlier: RecordedRequest, later: RecordedRequest): number {
  const [one, two] = [partsOf(earlier), partsOf(later)];
  let same = 0;
  let all = 0;
  for (const [key, value] of one.settings) {
    all += value.length;
    if (two.settings.get(key) === value) same += value.length;
  }
  let leading = true;
  for (const [at, message] of one.messages.entries()) {
    all += message.length;
    leading &&= two.messages[at] === message;
    if (leading) same += message.length;
  }
  return same / all;
}

function partsOf(request: RecordedRequest): { readonly settings: ReadonlyMap<string, string>; readonly messages: readonly string[] } {
  const body = JSON.parse(request.body.toString()) as JsonObject;
  const settings = new Map<string, string>();
  let messages: readonly string[] = [];
  for (const [key, value] of Object.entries(body)) {
    if (key === "messages" || key === "input" || key === "contents") messages = (value as readonly JsonValue[]).map(written);
    else if (key !== "stream" && key !== "stream_options") settings.set(key, written(value ?? null));
  }
  return { settings, messages };
}

function written(value: JsonValue): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === "cache_control" && isObject(inner as JsonValue) ? undefined : inner));
}
