import assert from "node:assert/strict";
import { test } from "node:test";
import { createSubjectIndex } from "./subject-index.ts";
import { parseSubject, printSubject, type Subject } from "./subject.ts";

test("a subject is read from its text and printed as the same text", () => {
  const cases: readonly (readonly [string, Subject])[] = [
    ["alice", { kind: "user", name: "alice" }],
    ["usr_0190", { kind: "user", name: "usr_0190" }],
    ["a.b@example.org", { kind: "user", name: "a.b@example.org" }],
    ["key_0190", { kind: "key", name: "key_0190" }],
    ["tok_ab12", { kind: "key", name: "tok_ab12" }],
    ["tag:team:search", { kind: "tag", name: "team:search" }],
    ["model:gpt-*", { kind: "model", name: "gpt-*" }],
    ["model:openai/gpt-[45]", { kind: "model", name: "openai/gpt-[45]" }],
    ["model:llama3:8b", { kind: "model", name: "llama3:8b" }],
    ["provider:openai", { kind: "provider", name: "openai" }],
  ];
  for (const [text, subject] of cases) {
    assert.deepEqual(parseSubject(text), subject, text);
    assert.equal(printSubject(subject), text);
  }
});

test("what is no subject is refused with what to write", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /^Say what it is for: a user \(alice\)/],
    ["a b", /^Say what it is for/],
    ["team:search", /^Nothing begins with "team:"\. .* write tag:team:search\.$/],
    ["user:alice", /^Nothing begins with "user:"/],
    ["tag:", /^"tag:" is followed by one tag/],
    ["tag:team:*", /^"tag:" is followed by one tag/],
    ["model:", /^"model:" is followed by a model/],
    ["model:!gpt-5", /^"model:" is followed by a model/],
    ["model:gpt 5", /^"model:" is followed by a model/],
    ["provider:open*", /^"provider:" is followed by the name of one provider/],
    [`tok_${"a".repeat(43)}`, /^This is an API key itself\. Name it by its id/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseSubject(text, "for"), { code: "invalid_request", param: "for", message });
});

const index = createSubjectIndex(
  ["usr_1", "key_1", "key_2", "tag:team:search", "model:gpt-*", "model:openai/*", "provider:openai"],
  (text) => (text.startsWith("usr_") ? { kind: "user", name: text } : parseSubject(text)),
);

test("a request counts for its user, its key, the key's ancestors and their tags", () => {
  const of = (more: object): readonly string[] | undefined => index.ofCaller({ userId: "usr_9", keyId: "key_9", ...more });
  assert.deepEqual(
    [
      of({}),
      of({ userId: "usr_1" }),
      of({ keyId: "key_1" }),
      of({ userId: "usr_1", keyId: "key_1", ancestorIds: ["key_2", "key_3"], boundTags: ["a", "team:search"] }),
      of({ boundTags: ["team", "model:gpt-*"] }),
      // A user's name is no id, and a tag that looks like one is none.
      of({ userId: "team:search", boundTags: ["usr_1"] }),
    ],
    [undefined, ["usr_1"], ["key_1"], ["usr_1", "key_1", "key_2", "tag:team:search"], undefined, undefined],
  );
});

test("a target counts for its provider and for the patterns that take its model, alone or with the provider", () => {
  const of = (provider: string, upstreamModel: string): readonly string[] | undefined => index.ofTarget({ provider, upstreamModel });
  for (let turn = 0; turn < 2; turn++) {
    assert.deepEqual(of("openai", "gpt-5"), ["provider:openai", "model:gpt-*", "model:openai/*"]);
    assert.deepEqual(of("openai", "o5"), ["provider:openai", "model:openai/*"]);
    assert.deepEqual(of("azure", "gpt-5"), ["model:gpt-*"]);
    assert.equal(of("azure", "o5"), undefined);
  }
  for (let i = 0; i < 2500; i++) of("azure", `x${i}`);
  assert.deepEqual(of("azure", "gpt-5"), ["model:gpt-*"]);
  const none = createSubjectIndex([], () => ({ kind: "user", name: "" }));
  assert.deepEqual([none.isEmpty, none.hasTargets, index.isEmpty, index.hasTargets], [true, false, false, true]);
});
