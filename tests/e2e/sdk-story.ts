import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "./harness.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { RecordedRequest as Asked } from "../testbed/recorded-request.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";

import { upstreamModels } from "../testbed/upstream-models.ts";

/** Where an SDK finds its gateway. */
export interface Connection {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly key: string;
}

/** What an SDK saw of five requests: an answer streamed, one whole, one that calls a tool, one once the tool has answered, one that fits a schema. */
export interface Seen {
  readonly streamed: string;
  /** The pieces of `streamed`, joined. */
  readonly pieces: string;
  readonly whole: string;
  /** What was said once the tool had answered. */
  readonly answered: string;
  readonly parsed: { readonly name: string; readonly population: number };
  /** Input and output tokens of the streamed answer. */
  readonly usage: readonly [number, number];
  /** Cities that the tool was asked for. */
  readonly asked: readonly string[];
}

/** The words of the story, the same in every language. */
export const question = "What is the weather in Zürich? ✓";
export const toolName = "get_weather";
export const weatherIn = (city: string): string => `Sunny in ${city} ✓`;

/** Runs an SDK's five requests against a model behind each of the protocols. The mock's answers follow from the requests alone. */
export function testSdk(name: string, run: (connection: Connection, model: string) => Promise<Seen>): void {
  for (const upstream of PROTOCOLS) {
    test(`${name} on ${upstream}: streams, calls tools, parses`, async () => {
      await using mock = await createMockUpstream({ apiKeys: ["sk-sdk"] });
      const model = upstreamModels[upstream];
      const gateway = await startGateway({ config: configOf(upstream, mock.url, model) });
      try {
        const { key } = await gateway.createKey("sdk");
        judge(
          await run({ url: gateway.url, key }, model),
          mock.requests.filter(({ method }) => method === "POST"),
        );
      } finally {
        await gateway.stop();
      }
    });
  }
}

function configOf(upstream: Protocol, mockUrl: string, model: string): string {
  const base = upstream.startsWith("openai") ? `${mockUrl}/v1` : mockUrl;
  return `providers: { upstream: { protocols: [${upstream}], api_key: sk-sdk, base_url: "${base}", models: ["${model}"] } }\n`;
}

function judge(seen: Seen, requests: readonly Asked[]): void {
  assert.equal(requests.length, 5);
  const [streamed, whole, calling, answered, parsed] = requests as [Asked, Asked, Asked, Asked, Asked];
  const said = ({ scenario }: Asked): string => scenario!.text.join("");
  const usage = streamed.reportedUsage!;
  const asked = calling.scenario!.toolCalls.map((call) => (JSON.parse(call.argumentsText) as { city: string }).city);
  assert.deepEqual(seen, {
    streamed: said(streamed),
    pieces: said(streamed),
    whole: said(whole),
    answered: said(answered),
    parsed: JSON.parse(said(parsed)),
    usage: [usage.input, usage.output],
    asked,
  });
  assert.equal(asked.length, 1);
  // Parsed, as an SDK may write what is not ASCII as escapes.
  const heard = JSON.stringify(JSON.parse(answered.body.toString()));
  assert.ok(heard.includes(weatherIn(asked[0]!)), "what the tool said reached the model");
}
