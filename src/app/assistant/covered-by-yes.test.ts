import assert from "node:assert/strict";
import { test } from "node:test";
import { isAskedFor } from "./covered-by-yes.ts";

const budget = { askedBy: /\bbudget|dollars?\b/i };
const disable = { askedBy: /\b(?:disable|block)\b/i };
const config = { askedBy: /\b(?:set|route|change)\b/i };

test("a change is asked for if the question has its kind and each of its values", () => {
  const cases: [string, { readonly askedBy: RegExp }, Readonly<Record<string, unknown>>, boolean][] = [
    ["disable bob", disable, { id: "bob" }, true],
    ["please block Bob.", disable, { id: "bob" }, true],
    ["block bob's access", disable, { id: "bob" }, true],
    ["disable bob", disable, { id: "alice" }, false],
    ["disable bobby", disable, { id: "bob" }, false],
    ["what does bob do?", disable, { id: "bob" }, false],
    ["give bob 5 dollars a day", budget, { subject: "bob", period: "day", stop_usd: 5 }, true],
    ["give bob 5 dollars a day", budget, { subject: "bob", period: "day", stop_usd: "5.00" }, true],
    ["give bob 5 dollars daily", budget, { subject: "bob", period: "day", stop_usd: 5 }, true],
    ["give bob 5 dollars a day", budget, { subject: "bob", period: "day", stop_usd: 50 }, false],
    ["give bob 5 dollars a day", budget, { subject: "bob", period: "month", stop_usd: 5 }, false],
    ["set gateway.port to 9000", config, { changes: [{ setting: "gateway.port", value: 9000 }] }, true],
    ["set the port to 9000", config, { changes: [{ setting: "gateway.port", value: 9000 }] }, true],
    ["route gemini-* to openrouter", config, { changes: [{ setting: "model_provider_routes.gemini-*", value: "openrouter" }] }, true],
    ["set the port to 9000", config, { changes: [{ setting: "gateway.port", value: null }] }, false],
    ["change it: remove gateway.port", config, { changes: [{ setting: "gateway.port", value: null }] }, true],
    ["give bob 5 dollars a day", budget, { subject: "bob", period: "day", stop_usd: 5, warn_usd: null }, false],
    ["set the port to 9000", config, { changes: [{ setting: "gateway.host", value: "0.0.0.0" }] }, false],
    [
      "set the port to 9000",
      config,
      {
        changes: [
          { setting: "gateway.port", value: 9000 },
          { setting: "gateway.auth.enabled", value: false },
        ],
      },
      false,
    ],
  ];
  for (const [question, tool, input, expected] of cases)
    assert.equal(isAskedFor(question, tool, input), expected, `${question} ${JSON.stringify(input)}`);
});
