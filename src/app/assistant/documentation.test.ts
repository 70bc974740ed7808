import assert from "node:assert/strict";
import { test } from "node:test";
import { answerFromDocumentation } from "./answer-from-documentation.ts";
import { readDocumentation } from "./documentation.ts";

const documentation = readDocumentation();

test("questions find the page that answers them", () => {
  const cases: [string, string][] = [
    ["how do I set a budget for a user?", "budgets.md"],
    ["connect Claude Code", "clients/claude-code.md"],
    ["what does upstream_truncated mean?", "errors.md"],
    ["rate limits: requests per minute", "limits.md"],
    ["run it with systemd", "deployment.md"],
    ["failover to another provider", "routing.md"],
    ["send alerts to Slack", "alerts.md"],
    ["use PostgreSQL as the database", "postgresql.md"],
  ];
  for (const [question, page] of cases) {
    const pages = documentation.search(question, 5).map((section) => section.page);
    assert.ok(pages.slice(0, 3).includes(page), `${question}: ${pages.join(", ")}`);
  }
});

test("an answer by search alone names its pages, and says if there is nothing", () => {
  assert.match(answerFromDocumentation(documentation, "set a budget for alice").text, /^# .+ \(docs\/budgets\.md\)$/m);
  assert.deepEqual(answerFromDocumentation(documentation, "xyzzy plugh").pages, []);
});

test("a page is read by its name, with or without its folder", () => {
  assert.match(documentation.read("docs/budgets.md")!, /^# /);
  assert.equal(documentation.read("../package.json"), undefined);
});
