import assert from "node:assert/strict";
import { test } from "node:test";
import { createMasker, environmentSecrets } from "./masker.ts";

test("keys are masked by their form, and known secrets in any encoding", () => {
  const { mask } = createMasker(["hunter2-hunter2", "short"]);
  const cases: [string, string][] = [
    [`tok_${"x".repeat(43)} and tok_ab12`, "[key] and tok_ab12"],
    ["sk-ant-api03-abcdefghijkl", "[key]"],
    ["AIzaSyA1234567890abcdef", "[secret]"],
    ["ghp_0123456789abcdef0123", "[secret]"],
    ["Authorization: Bearer abcdefghijklmnop.qrs", "Authorization: Bearer [secret]"],
    ["postgres://me:pa55word@db/x", "postgres://me:[secret]@db/x"],
    ["AKIAIOSFODNN7EXAMPLE", "[secret]"],
    ["-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----.", "[secret]."],
    ["hunter2-hunter2", "[secret]"],
    [Buffer.from("hunter2-hunter2").toString("base64"), "[secret]"],
    [
      "short task-list gpt-5-mini usr_0123 key_0123 http://127.0.0.1:8081/v1",
      "short task-list gpt-5-mini usr_0123 key_0123 http://127.0.0.1:8081/v1",
    ],
  ];
  for (const [text, masked] of cases) assert.equal(mask(text), masked);
});

test("what the user types keeps its secrets behind placeholders, the same one for the same secret", () => {
  const masker = createMasker([]);
  assert.equal(
    masker.take("use sk-0123456789abcdef, not tok_0123456789abcdef; sk-0123456789abcdef"),
    "use {{secret_2}}, not {{secret_1}}; {{secret_2}}",
  );
  assert.equal(masker.fill("Bearer {{secret_2}}"), "Bearer sk-0123456789abcdef");
  assert.throws(() => masker.fill("{{secret_3}}"), { message: "{{secret_3}} stands for no secret. The user has typed 2 secrets." });
  assert.equal(masker.mask("sk-0123456789abcdef"), "[secret]");
});

test("variables with names of secrets are secrets, but for paths and short values", () => {
  const env = {
    A_KEY: "0123456789abc",
    TOKEN: "short",
    SSH_KEY: "/home/me/.ssh/id",
    HOME: "/home/me/somewhere",
    DB_PASSWORD: "correct horse",
  };
  assert.deepEqual(environmentSecrets(env), ["0123456789abc", "correct horse"]);
});
