import assert from "node:assert/strict";
import { test } from "node:test";
import { request, target } from "../openai-shared/testing.ts";
import { bodyOf, lossesOf } from "../testing.ts";
import { fitOwnBody } from "./own-body.ts";
import { renderRequest } from "./render-request.ts";

test("an effort beside disabled thinking is cut out for a server that refuses it (report 911)", () => {
  const fit = (text: string, isRefused = true): string | undefined =>
    fitOwnBody(text, { model: "deepseek-v4-pro", quirks: { noEffortWithoutThinking: isRefused } })?.text;
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
