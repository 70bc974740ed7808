import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../../core/index.ts";
import type { ClassifierKind, ClassifierSettings } from "./classifier-section.ts";
import type { JudgedContext } from "./judgement.ts";
import { wires } from "./wire.ts";

const base: ClassifierSettings = {
  name: "c",
  kind: "webhook",
  url: new Secret("http://127.0.0.1:1/"),
  apiKey: undefined,
  model: "guard",
  language: "de",
  categories: [],
  minScore: 0,
  deadlineMs: 1000,
  isOpenOnError: false,
  holdsStreams: true,
  concurrency: 1,
  maxLength: 1000,
  remembers: true,
};
const context: JudgedContext = { requestId: "req_1", direction: "request", user: "ada", model: "m" };

const read = (kind: ClassifierKind, answer: unknown, texts: readonly string[], more: Partial<ClassifierSettings> = {}): unknown =>
  wires[kind].read(answer, texts, { ...base, kind, ...more });

test("each kind is asked as its API wants it", () => {
  const asked = (kind: ClassifierKind, more: Partial<JudgedContext> = {}): unknown =>
    wires[kind].request(["a", "b"], { ...base, kind, categories: ["PERSON"], minScore: 0.5 }, { ...context, ...more });
  assert.deepEqual(asked("webhook"), {
    version: 1,
    classifier: "c",
    request_id: "req_1",
    direction: "request",
    user: "ada",
    model: "m",
    texts: ["a", "b"],
  });
  assert.deepEqual(asked("presidio"), {
    text: ["a", "b"],
    language: "de",
    correlation_id: "req_1",
    entities: ["PERSON"],
    score_threshold: 0.5,
  });
  assert.deepEqual(asked("guard_model"), {
    model: "guard",
    messages: [{ role: "user", content: "a\n\nb" }],
    temperature: 0,
    max_tokens: 64,
    stream: false,
  });
  assert.deepEqual((asked("guard_model", { direction: "answer", prompt: "p" }) as { messages: unknown }).messages, [
    { role: "user", content: "p" },
    { role: "assistant", content: "a\n\nb" },
  ]);
  assert.deepEqual(asked("moderation"), { model: "guard", input: ["a", "b"] });
});

test("Presidio's places are code points, and those that overlap become one, of the kind of the most certain", () => {
  const text = "😀 Ada Lovelace, London";
  const entity = (entity_type: string, start: number, end: number, score = 0.85): object => ({ entity_type, start, end, score });
  const found = [entity("LOCATION", 16, 22), entity("PERSON", 2, 14), entity("NRP", 6, 14, 0.3), entity("URL", 2, 5, 0.1)];
  const places = [
    { start: 3, end: 15, kind: "person" },
    { start: 17, end: 23, kind: "location" },
  ];
  assert.deepEqual(read("presidio", [found, []], [text, "x"]), [
    { places, categories: [] },
    { places: [], categories: [] },
  ]);
  assert.deepEqual(text.slice(3, 15), "Ada Lovelace");
  assert.deepEqual(read("presidio", [[entity("PERSON", 0, 3, 0.4), entity("NRP", 2, 6, 0.9)]], ["abcdef"]), [
    { places: [{ start: 0, end: 6, kind: "nrp" }], categories: [] },
  ]);
  assert.deepEqual(read("presidio", [found], [text], { minScore: 0.5, categories: ["LOCATION"] }), [
    { places: places.slice(1), categories: [] },
  ]);
  assert.deepEqual(read("presidio", [[entity("A", 4, 6)]], ["abcdef"]), [{ places: [{ start: 4, end: 6, kind: "a" }], categories: [] }]);
});

test("a place that is empty, turned round or not in the text is no judgement, as the classifier counts otherwise than it should", () => {
  const text = "😀 Ada";
  // The last one is what a program gets that counts UTF-16 units.
  for (const [start, end] of [
    [2, 2],
    [4, 2],
    [100, 105],
    [2, 900],
    [3, 6],
  ] as const) {
    const span = { start, end };
    const wrong = { name: "ClassifierError", message: /named a place that is empty or not in the text/ };
    assert.throws(() => read("webhook", { results: [{ spans: [{ ...span, type: "person" }] }] }, [text]), wrong, `${start}-${end}`);
    assert.throws(() => read("presidio", [[{ ...span, entity_type: "PERSON", score: 1 }]], [text]), wrong, `${start}-${end}`);
  }
  // What does not count is not looked at.
  const unused = { results: [{ spans: [{ start: 3, end: 6, type: "person" }] }] };
  assert.deepEqual(read("webhook", unused, [text], { categories: ["email"] }), [{ places: [], categories: [] }]);
});

test("a webhook names places, or flags a whole text", () => {
  const results = [
    { spans: [{ start: 1, end: 3, type: "Code name" }] },
    { flagged: true, categories: ["hate", "self-harm"] },
    { flagged: true },
    {},
    { categories: ["hate"] },
    { flagged: false, categories: ["hate"] },
  ];
  assert.deepEqual(read("webhook", { results }, ["abcd", "ef", "gh", "i", "jk", "lm"]), [
    { places: [{ start: 1, end: 3, kind: "code_name" }], categories: [] },
    { places: [{ start: 0, end: 2, kind: "hate" }], categories: ["self_harm"] },
    { places: [{ start: 0, end: 2, kind: "flagged" }], categories: [] },
    { places: [], categories: [] },
    { places: [{ start: 0, end: 2, kind: "hate" }], categories: [] },
    { places: [], categories: [] },
  ]);
  assert.deepEqual(read("webhook", { results: [results[1]] }, ["ef"], { categories: ["violence"] }), [{ places: [], categories: [] }]);
});

test("guard models say safe or unsafe in several ways", () => {
  const answers: Readonly<Record<string, readonly string[]>> = {
    safe: [],
    "\n\nsafe": [],
    "unsafe\nS1,S10": ["s1", "s10"],
    "unsafe\n\nO3": ["o3"],
    unsafe: ["unsafe"],
    "Safety: Unsafe\nCategories: Violent, PII": ["violent", "pii"],
    "Safety: Safe\nCategories: None": [],
    Yes: ["unsafe"],
    "No.": [],
  };
  for (const [content, categories] of Object.entries(answers)) {
    assert.deepEqual(read("guard_model", { choices: [{ message: { content } }] }, ["x"]), [{ places: [], categories }], content);
  }
  assert.deepEqual(read("guard_model", { choices: [{ message: { content: "unsafe\nS1,S2" } }] }, ["x"], { categories: ["S2"] }), [
    { places: [], categories: ["s2"] },
  ]);
  assert.throws(
    () => read("guard_model", { choices: [{ message: { content: "I cannot judge this." } }] }, ["x"]),
    /neither safe nor unsafe/,
  );
});

test("moderation counts what it flags, or what is certain enough", () => {
  const result = {
    flagged: true,
    categories: { hate: false, "self-harm/intent": true },
    category_scores: { hate: 0.6, "self-harm/intent": 0.4 },
  };
  assert.deepEqual(read("moderation", { results: [result] }, ["x"]), [{ places: [], categories: ["self_harm_intent"] }]);
  assert.deepEqual(read("moderation", { results: [result] }, ["x"], { minScore: 0.5 }), [{ places: [], categories: ["hate"] }]);
});
