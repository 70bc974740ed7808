import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";

import { loadFor } from "./measure.ts";
import { answerProblem, WORKLOAD_NAMES, WORKLOADS } from "./workloads.ts";

const PIECES = Array.from({ length: 30 }, (_, i) => `data: {"choices":[{"delta":{"content":" word${String(i).padStart(2, "0")}"}}]}\n\n`);
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":24,"completion_tokens":30}}\n\n';
const DONE = "data: [DONE]\n\n";

test("every body is JSON, small ones are below 300 bytes and the long one has 100 KB", () => {
  for (const name of WORKLOAD_NAMES) {
    const { body, stream } = WORKLOADS[name];
    equal((JSON.parse(body) as { stream?: boolean }).stream ?? false, stream);
    if (name === "W6") ok(body.length >= 100_000 && body.length < 102_000, `${body.length}`);
    else ok(body.length < 300, `${name}: ${body.length}`);
  }
});

test("an answer of the right shape has no problem", () => {
  equal(answerProblem(WORKLOADS.W2, '{"id":"1","choices":[]}'), undefined);
  equal(answerProblem(WORKLOADS.W3, '{"id":"1","stop_reason":"end_turn"}'), undefined);
  equal(answerProblem(WORKLOADS.W4p, PIECES.join("") + USAGE + DONE), undefined);
});

test("another dialect's answer is a problem", () => {
  match(answerProblem(WORKLOADS.W3, '{"id":"1","choices":[]}') ?? "", /no "stop_reason"/);
  match(answerProblem(WORKLOADS.W5p, PIECES.join("") + USAGE + DONE) ?? "", /does not end with "message_stop"/);
});

test("a stream that merges, drops or cuts is a problem", () => {
  const merged = [`data: {"choices":[{"delta":{"content":" word00 word01"}}]}\n\n`, ...PIECES.slice(2)];
  match(answerProblem(WORKLOADS.W4p, merged.join("") + USAGE + DONE) ?? "", /29 pieces of text where 30 were sent/);
  match(answerProblem(WORKLOADS.W4p, PIECES.join("") + DONE) ?? "", /no usage in the stream/);
  match(answerProblem(WORKLOADS.W4p, PIECES.join("") + USAGE) ?? "", /does not end with data: \[DONE\]/);
});

test("nginx stands beside a workload that it cannot do with its yardstick, and nobody else does", () => {
  const plain = ["W2", "W4p", "W6"] as const;
  const loads = (name: "nginx" | "direct") => WORKLOAD_NAMES.map((workload) => loadFor(WORKLOADS[workload], { name, loads: plain })?.name);
  deepEqual(loads("nginx"), ["W2", "W2", "W2", "W4p", "W2", "W6"]);
  deepEqual(loads("direct"), [undefined, "W2", undefined, "W4p", undefined, "W6"]);
});
