import assert from "node:assert/strict";
import { test } from "node:test";
import { asObject } from "../../../tests/testbed/json.ts";
import { validateAnthropic } from "../../../tests/testbed/validate-anthropic.ts";
import { recordedRequests } from "../testing.ts";
import { anthropicMessagesUpstream } from "./upstream.ts";

/** Recorded requests of real clients of the other dialects. */
const others = recordedRequests().filter(({ protocol }) => protocol !== "anthropic-messages");

for (const model of ["claude-opus-5-5", "claude-sonnet-4-5", "claude-3-5-haiku-latest", "glm-5"]) {
  for (const { name, request } of others) {
    test(`${name} becomes a request that ${model} accepts`, () => {
      const { value } = anthropicMessagesUpstream.renderRequest(request, { model, stream: true, quirks: {} });
      const body = asObject(JSON.parse(value));
      assert.equal(validateAnthropic(body), null);
      const unnamed = JSON.stringify(body["tools"] ?? []).matchAll(/"name":"([^"]*)","description"/g);
      for (const [, tool] of unnamed) assert.match(tool ?? "", /^[a-zA-Z0-9_-]{1,64}$/);
    });
  }
}
