import assert from "node:assert/strict";
import { test } from "node:test";
import { asObject } from "../../../tests/testbed/json.ts";
import { geminiMock } from "../../../tests/testbed/mock-gemini.ts";
import { recordedRequests } from "../testing.ts";
import { geminiGenerateUpstream } from "./upstream.ts";

/** Recorded requests of real clients of the other dialects. */
const others = recordedRequests().filter(({ protocol }) => protocol !== "gemini-generate");

for (const model of ["gemini-3.8-flash", "gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.0-flash"]) {
  for (const { name, request } of others) {
    test(`${name} becomes a request that ${model} accepts`, () => {
      const { value } = geminiGenerateUpstream.renderRequest(request, { model, stream: true, quirks: {} });
      const body = asObject(JSON.parse(value));
      assert.equal(geminiMock.validate(body, model), null);
      const unnamed = JSON.stringify(body["tools"] ?? []).matchAll(/"name":"([^"]*)","description"/g);
      for (const [, tool] of unnamed) assert.match(tool ?? "", /^[a-zA-Z0-9_.:-]{1,64}$/);
    });
  }
}
