import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../core/index.ts";
import { redact } from "./redact.ts";

const provider = {
  keys: [
    { id: "p#1", secret: new Secret("sk-first-key") },
    { id: "p#2", secret: new Secret("sk-second-key") },
    { id: "p#3", secret: new Secret("") },
  ],
  headers: [["x-team", "secret-of-a-team"]],
  query: [
    ["token", "a secret/of a query"],
    ["v", "1"],
  ],
} as const;

test("whatever a provider is called with is covered, as often as it stands there", () => {
  const said =
    "sk-first-key sk-second-key sk-first-key x-team: secret-of-a-team ?token=a%20secret%2Fof%20a%20query&v=1 a secret/of a query";
  assert.equal(redact(said, provider), "[secret] [secret] [secret] x-team: [secret] ?token=[secret]&v=1 [secret]");
});

test("other texts stay as they are", () => {
  assert.equal(redact("Version 1 of sk-first is not known.", provider), "Version 1 of sk-first is not known.");
});
