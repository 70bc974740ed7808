import assert from "node:assert/strict";
import { test } from "node:test";
import { renderRequest as renderChat } from "../openai-chat/render-request.ts";
import { renderRequest as renderResponses } from "../openai-responses/render-request.ts";
import { bodyOf, lossesOf } from "../testing.ts";
import { request, target } from "./testing.ts";

test("a cache key of up to 64 letters is sent unchanged, a longer one as its hash (report 407)", () => {
  for (const render of [renderChat, renderResponses]) {
    const keyOf = (length: number): readonly unknown[] => {
      const rendered = render(request({ cacheKey: "k".repeat(length) }), target());
      return [bodyOf(rendered)["prompt_cache_key"], ...lossesOf(rendered)];
    };
    assert.deepEqual(keyOf(64), ["k".repeat(64)]);
    assert.deepEqual(keyOf(65), ["f39cdc2584758c99cf81c1f41d2572f54e17066afffc9d187aeafe5f7cbe2122", "emulated cacheKey"]);
  }
});
