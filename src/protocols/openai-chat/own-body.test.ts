import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { latin1OfUtf8, asBytes } from "../../core/index.ts";
import { ServerQuirks, type RenderQuirks } from "../quirks.ts";
import { fitOwnBody } from "./own-body.ts";

function fit(body: string, quirks: RenderQuirks): readonly [string | undefined, ...string[]] {
  const fitted = fitOwnBody(latin1OfUtf8(body), { model: "m", quirks: new ServerQuirks(quirks).ownOf("m") });
  const text = fitted === undefined ? undefined : Buffer.from(fitted.text, "latin1").toString("utf8");
  return [text, ...(fitted?.losses.map(({ param, action }) => `${param} ${action}`) ?? [])];
}

describe("a Chat client's body for a server with quirks", () => {
  test("a body that the server accepts is sent unchanged, without a parse", () => {
    const body = '{"model":"m", "messages":[{"role":"user","content":"hi"}],"seed":7}';
    const beforeParse = (): void => assert.fail("parsed");
    const quirks = { strictTurns: true, refusedFields: ["n"], toolChoice: "words" } as const;
    assert.equal(fitOwnBody(asBytes(body), { model: "m", quirks, beforeParse }), undefined);
    assert.equal(fitOwnBody(asBytes(body.replace('"seed":7', '"tool_choice":"auto"')), { model: "m", quirks, beforeParse }), undefined);
  });

  test("only the member that is refused is changed: everything else keeps its bytes", () => {
    const body = '{ "model" : "m","seed":12345678901234567890, "x":1.0 ,"messages": [ {"role":"user","content":"Grüße"} ],"n":1}';
    assert.deepEqual(fit(body, { refusedFields: ["seed"] }), [
      '{"model" : "m","x":1.0,"messages": [ {"role":"user","content":"Grüße"} ],"n":1}',
      "seed dropped",
    ]);
  });

  test("only messages that change are rewritten", () => {
    const kept = '{"role":"user", "content":"Grüße", "big":12345678901234567890}';
    const body = `{"messages":[${kept},{"role":"assistant","content":"a"},{"role":"system","content":"é"}],"model":"m"}`;
    assert.deepEqual(fit(body, { strictTurns: true }), [
      `{"messages":[${kept},{"role":"assistant","content":"a"},{"role":"user","content":"<system-reminder>\\né\\n</system-reminder>"}],"model":"m"}`,
      "messages[] emulated",
    ]);
  });

  test("a quirk for translated requests alone does nothing", () => {
    const body = '{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}';
    assert.deepEqual(fit(body, { strictTurns: true, translatedOnly: ["strictTurns"] }), [undefined]);
  });

  test("a forced tool switches thinking off, and an effort beside disabled thinking is removed (report 904)", () => {
    const quirks = { noForcedToolWhileThinking: true, noEffortWithoutThinking: true, thinkingSwitch: "thinking" } as const;
    assert.deepEqual(fit('{"messages":[],"tool_choice":"required"}', quirks), [
      '{"messages":[],"tool_choice":"required","thinking":{"type":"disabled"}}',
      "reasoning emulated",
    ]);
    assert.deepEqual(fit('{"messages":[],"tool_choice":"required","reasoning_effort":"high"}', quirks), [
      '{"messages":[],"tool_choice":"auto","reasoning_effort":"high"}',
      "toolChoice dropped",
    ]);
    assert.deepEqual(fit('{"thinking":{"type":"disabled"},"reasoning_effort":"max"}', quirks), [
      '{"thinking":{"type":"disabled"}}',
      "reasoning.effort dropped",
    ]);
  });
});
