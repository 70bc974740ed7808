import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { loopbackProvider } from "./build-providers.ts";
import { Redactor } from "./redactor.ts";
import type { Provider } from "../types.ts";

const basic = Buffer.from("team:pass word-of-basic").toString("base64");
const provider: Provider = {
  ...loopbackProvider,
  keys: ["sk-first-key", "sk-second-key", "", 'sk-"odd"\\/é+key'].map((key, index) => ({ id: `p#${index}`, secret: new Secret(key) })),
  headers: [
    ["x-team", "secret-of-a-team"],
    ["x-token", "Bearer token-of-a-header"],
    ["x-login", `Basic ${basic}`],
  ],
  query: [
    ["token", "a secret/of a query"],
    ["v", "1"],
  ],
};
const redactor = new Redactor();

test("the secrets of a provider are removed, each time they occur", () => {
  const said =
    "sk-first-key sk-second-key sk-first-key x-team: secret-of-a-team ?token=a%20secret%2Fof%20a%20query&v=1 a secret/of a query";
  assert.equal(redactor.text(said, provider), "[secret] [secret] [secret] x-team: [secret] ?token=[secret]&v=1 [secret]");
});

test("the text after a scheme is a secret too, and so is a password", () => {
  assert.equal(redactor.text(`Bearer token-of-a-header; token-of-a-header; ${basic}`, provider), "[secret]; [secret]; [secret]");
  assert.equal(redactor.text("login as team:pass word-of-basic, or pass word-of-basic", provider), "login as [secret], or [secret]");
});

test("a secret is found in JSON, percent-encoded and in base64", () => {
  const secret = 'sk-"odd"\\/é+key';
  const json = JSON.stringify({ secret });
  const ascii = json.replace("é", "\\u00e9").replace("/", "\\/");
  const bytes = Buffer.from(secret).toString("latin1");
  const forms = [secret, json, JSON.stringify(json), ascii, bytes, encodeURIComponent(secret), encodeURIComponent(secret).toLowerCase()];
  assert.deepEqual(
    forms.map((form) => redactor.text(form, provider)),
    ["[secret]", '{"secret":"[secret]"}', '"{\\"secret\\":\\"[secret]\\"}"', '{"secret":"[secret]"}', "[secret]", "[secret]", "[secret]"],
  );
  for (const encoding of ["base64", "base64url"] as const)
    for (const before of ["", "a", "ab", "abc"])
      for (const after of ["", "z", "yz"]) {
        const text = Buffer.from(`${before}sk-first-key${after}`).toString(encoding);
        const left = redactor.text(text, provider);
        assert.match(left, /^.{0,6}\[secret\].{0,6}$/, text);
        assert.ok(!Buffer.from(left, encoding).includes("first"), text);
      }
});

test("other texts are unchanged", () => {
  assert.equal(redactor.text("Version 1 of sk-first is not known.", provider), "Version 1 of sk-first is not known.");
  assert.equal(redactor.text("Nothing to hide here.", loopbackProvider), "Nothing to hide here.");
});

test("a text is cut after its secrets are removed, so that no half of one is left", () => {
  assert.equal(redactor.text("12345678 sk-first-key", provider, 12), "12345678 [se…");
  assert.equal(redactor.text("x".repeat(3_000), provider), `${"x".repeat(2_000)}…`);
  assert.equal(redactor.whole("x".repeat(3_000), provider).length, 3_000);
});
