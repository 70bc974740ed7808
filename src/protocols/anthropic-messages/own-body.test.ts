import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes } from "../../core/index.ts";
import type { Message } from "../../ir/index.ts";
import { request, target } from "../openai-shared/testing.ts";
import { bodyOf, lossesOf } from "../testing.ts";
import { fitOwnBody } from "./own-body.ts";
import { renderRequest } from "./render-request.ts";

test("an effort beside disabled thinking is cut out for a server that refuses it (report 911)", () => {
  const fit = (text: string, isRefused = true): string | undefined =>
    fitOwnBody(asBytes(text), { model: "deepseek-v4-pro", quirks: { noEffortWithoutThinking: isRefused } })?.text;
  const off = '"thinking":{"type":"disabled"}';
  assert.equal(fit(`{"model":"m",${off}, "output_config":{"effort":"high"},"n":1.0}`), `{"model":"m",${off},"n":1.0}`);
  assert.equal(fit(`{"output_config":{"effort":"max", "format":null},${off}}`), `{"output_config":{ "format":null},${off}}`);
  assert.equal(fit('{"output_config":{"effort":"max"},"thinking":{"type":"adaptive"}}'), undefined);
  assert.equal(fit(`{${off},"output_config":{}}`), undefined);
  assert.equal(fit(`{${off},"output_config":{"effort":"high"}}`, false), undefined);
});

test("an effort beside disabled thinking is not rendered for such a server", () => {
  const rendered = renderRequest(
    request({ reasoning: { enabled: false, effort: "high" } }),
    target({ model: "claude-sonnet-4-6", quirks: { noEffortWithoutThinking: true } }),
  );
  assert.equal(bodyOf(rendered)["output_config"], undefined);
  assert.deepEqual(lossesOf(rendered), ["dropped reasoning.effort"]);
});

test("messages of the system become a user's reminders for a server that refuses them, and all other bytes are kept", () => {
  const fit = (messages: string, more = ""): readonly unknown[] => {
    const fitted = fitOwnBody(asBytes(`{"model":"glm-5","system":"S","messages":[${messages}]${more}}`), {
      model: "glm-5",
      quirks: { noSystemTurns: true, noEffortWithoutThinking: true },
    });
    return fitted === undefined ? [] : [fitted.text, ...fitted.losses.map(({ action, param }) => `${action} ${param}`)];
  };
  const user = '{"role":"user","content":"hi \\"system\\""}';
  assert.deepEqual(fit(user), []);
  assert.deepEqual(fit(`${user}, {"role": "system","content":"Be \\u00fc short.","x":1.0}`), [
    `{"model":"glm-5","system":"S","messages":[${user}, {"role": "user","content":"<system-reminder>\\nBe \\u00fc short.\\n</system-reminder>","x":1.0}]}`,
    "emulated messages[]",
  ]);
  assert.deepEqual(
    fit('{"content":[ {"type":"text","text":"a"} ],"role":"system"}', ',"thinking":{"type":"disabled"},"output_config":{"effort":"low"}'),
    [
      '{"model":"glm-5","system":"S","messages":[{"content":[{"type":"text","text":"<system-reminder>"}, {"type":"text","text":"a"} ,' +
        '{"type":"text","text":"</system-reminder>"}],"role":"user"}],"thinking":{"type":"disabled"}}',
      "dropped reasoning.effort",
      "emulated messages[]",
    ],
  );
});

test("instructions between turns stay instructions for Claude 4.8 and later, where they follow the user's turn", () => {
  const say = (role: "user" | "assistant" | "system" | "developer", text: string): Message => ({ role, content: [{ type: "text", text }] });
  const messages = [
    say("system", "S"),
    say("user", "a"),
    say("developer", "one"),
    say("system", "two"),
    say("assistant", "b"),
    say("system", "behind the answer"),
    say("user", "c"),
    say("system", "before more"),
    say("user", "d"),
    say("system", "last"),
  ];
  const sent = (model: string, quirks: object = {}): readonly unknown[] => {
    const rendered = renderRequest(request({ messages }), target({ model, quirks }));
    const turns = bodyOf(rendered)["messages"] as { role: string; content: { text: string }[] }[];
    return [...turns.map(({ role, content }) => [role, ...content.map(({ text }) => text)]), ...lossesOf(rendered)];
  };
  const reminder = (text: string): string => `<system-reminder>\n${text}\n</system-reminder>`;
  const user = ["user", reminder("behind the answer"), "c", reminder("before more"), "d"];
  assert.deepEqual(sent("claude-opus-4-8"), [
    ["user", "a"],
    ["system", "one", "two"],
    ["assistant", "b"],
    user,
    ["system", "last"],
    "emulated messages[]",
  ]);
  const old = [["user", "a", reminder("one"), reminder("two")], ["assistant", "b"], [...user, reminder("last")], "emulated messages[]"];
  for (const model of ["claude-opus-4-7", "claude-sonnet-5", "glm-5"]) assert.deepEqual(sent(model), old);
  assert.deepEqual(sent("claude-opus-5", { noVendorFields: true }), old);
});
