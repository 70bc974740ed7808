import assert from "node:assert/strict";
import { test } from "node:test";
import { protocolMocks } from "../testbed/mock-protocols.ts";
import { resolveScenario } from "../testbed/default-scenario.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Protocol } from "../testbed/scenario.ts";
import { checkGrammar } from "./grammar.ts";

/** A vendor's own stream: reasoning, text and two calls. */
function streamOf(protocol: Protocol): string {
  const mock = protocolMocks[protocol];
  const request = { model: "m", stream: true, stream_options: { include_usage: true } };
  const facts = mock.readFacts(request);
  const content = {
    reasoning: ["think"],
    text: ["a ✓", "b"],
    toolCalls: [
      { name: "one", arguments: { x: 1 } },
      { name: "two", arguments: { y: [2, 3] } },
    ],
  };
  const scenario = resolveScenario(content, { protocol, facts, body: Buffer.from("{}"), serial: 1 });
  const script = mock.renderStream({ serial: 1, createdAt: 1_795_443_310, model: "m", request, facts, scenario });
  return [script.opening, ...script.pieces, script.finish, script.end].join("");
}

const check = (protocol: Protocol, text: string): void => checkGrammar(protocol, Buffer.from(text));

for (const protocol of PROTOCOLS) {
  test(`${protocol}: a vendor's own stream is legal`, () => check(protocol, streamOf(protocol)));

  test(`${protocol}: a stream without any one of its events, or with one twice, is not legal, but for deltas`, () => {
    const frames = streamOf(protocol).split(/(?<=\n\r?\n)/);
    const survived = new Set<string>();
    for (const [at, frame] of frames.entries()) {
      for (const changed of [frames.toSpliced(at, 1), frames.toSpliced(at, 0, frame)]) {
        try {
          check(protocol, changed.join(""));
          survived.add(kindOf(frame));
        } catch (error) {
          assert.ok(error instanceof Error && error.message.startsWith(`${protocol}: `));
        }
      }
    }
    assert.deepEqual([...survived].toSorted(), spared[protocol]);
  });

  test(`${protocol}: an id that changes is not legal`, () => {
    const text = streamOf(protocol);
    const ids = {
      "openai-chat": "chatcmpl-mock1",
      "openai-responses": "msg_mock1",
      "anthropic-messages": '"index":1',
      "gemini-generate": "rmock1",
    };
    const at = text.lastIndexOf(ids[protocol]);
    assert.ok(at > 0);
    assert.throws(() => check(protocol, `${text.slice(0, at + ids[protocol].length - 1)}7${text.slice(at + ids[protocol].length)}`));
  });
}

/** What no rule of order can miss: pieces of content where the protocol does not repeat them. */
const spared: Readonly<Record<Protocol, readonly string[]>> = {
  "openai-chat": ["content"],
  "openai-responses": [],
  "anthropic-messages": ["input_json_delta", "ping", "signature_delta", "text_delta", "thinking_delta"],
  "gemini-generate": ["content"],
};

function kindOf(frame: string): string {
  const named = /"type":"(text_delta|thinking_delta|signature_delta|input_json_delta|ping)"/.exec(frame)?.[1];
  if (named !== undefined) return named;
  return /"(content|reasoning_content|tool_calls|parts)":/.test(frame) ? "content" : frame.slice(0, 60);
}
