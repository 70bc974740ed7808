import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import type { Ask } from "./ask.ts";
import type { Bench } from "./bench.ts";
import { startBench } from "./bench.ts";
import { readSent } from "./read-sent.ts";
import { ends, image, weather } from "./scenarios.ts";

const user = { role: "user", text: "Zürich or 東京?" } as const;
const base = { system: "Use tools.", tools: [weather], reasoning: true } as const;
const calling: Scenario = {
  reasoning: ["Both ", "at once"],
  text: ["I look."],
  toolCalls: [
    { name: weather.name, arguments: '{"city":"Zürich"}' },
    { name: weather.name, arguments: '{"city":"東京","days":3}' },
  ],
};
/** What the mock's first answer is signed with, by protocol; Chat has no proofs of reasoning. */
const proofs: Readonly<Partial<Record<Protocol, string>>> = {
  "openai-responses": "gAAAAmock1==",
  "anthropic-messages": Buffer.from("anthropic-signature-1").toString("base64"),
  "gemini-generate": Buffer.from("gemini-signature-1").toString("base64"),
};

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    for (const stream of [false, true]) {
      test(`${client} to ${upstream}, ${stream ? "streamed" : "whole"}: calls, their results, an answer`, async () => {
        const cell = { client: bench.clients[client], upstream, stream };
        const first = await bench.play(cell, { ...base, turns: [user] }, calling);
        const [one, two] = first.outcome.calls;
        assert.ok(one !== undefined && two !== undefined);
        const results = [
          { id: one.id, name: one.name, text: "Sunny ✓", image },
          { id: two.id, name: two.name, text: "No such city.", isError: true },
        ];
        const turns: Ask["turns"] = [user, { role: "reply", reply: first.outcome.reply }, { role: "tools", results }];
        const { outcome, request } = await bench.play(cell, { ...base, turns }, { text: ["Take ", "Zürich."] });
        assert.deepEqual([outcome.text, outcome.calls, outcome.stop], ["Take Zürich.", [], ends[client].end]);

        const sent = readSent(upstream, request);
        assert.equal(sent.system, "Use tools.");
        assert.equal(sent.results.length, 2);
        assert.ok(sent.results[0]!.text.includes("Sunny ✓"), sent.results[0]!.text);
        assert.ok(sent.results[1]!.text.includes("No such city."), sent.results[1]!.text);
        const body = request.body.toString();
        // A tool message of Chat has no place for an image: such a client sends none.
        assert.equal(body.includes(image), client !== "openai-chat");
        const tellsFailure = client === "anthropic-messages" || client === "gemini-generate";
        if (upstream === "anthropic-messages" && tellsFailure) assert.ok(body.includes('"is_error":true'));
        const proof = proofs[upstream];
        if (proof !== undefined) assert.ok(body.includes(`"${proof}"`), "what signed the first answer came back");
      });
    }
  }
}
