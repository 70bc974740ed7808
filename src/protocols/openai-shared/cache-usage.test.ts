import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUsage as parseChatUsage } from "../openai-chat/usage.ts";
import { parseUsage as parseResponsesUsage } from "../openai-responses/usage.ts";

type Wire = Readonly<Record<string, unknown>>;

/** What both dialects read of a usage of 1,000 tokens in and 5 out. */
function read(usage: Wire, details: Wire): unknown {
  const chat = parseChatUsage({ prompt_tokens: 1000, completion_tokens: 5, ...usage, prompt_tokens_details: details });
  const responses = parseResponsesUsage({ input_tokens: 1000, output_tokens: 5, ...usage, input_tokens_details: details });
  assert.deepEqual(responses, chat);
  return chat;
}

const seen = { input: 1000, output: 5 };

test("tokens written to a cache are found under the names of OpenAI and of gateways in front of Claude (report 523)", () => {
  assert.deepEqual(read({}, {}), seen);
  for (const name of ["cache_write_tokens", "cache_creation_tokens", "cached_creation_tokens", "cache_creation_input_tokens"])
    assert.deepEqual(read({}, { cached_tokens: 40, [name]: 300 }), { ...seen, cacheRead: 40, cacheWrite5m: 300 }, name);
  assert.deepEqual(read({ cache_creation_input_tokens: 300, cache_read_input_tokens: 40 }, {}), {
    ...seen,
    cacheRead: 40,
    cacheWrite5m: 300,
  });
  assert.deepEqual(read({ cache_creation_input_tokens: 300 }, { cached_tokens: 0, cache_creation_tokens: 0 }), {
    ...seen,
    cacheRead: 0,
    cacheWrite5m: 300,
  });
});

test("the two lifetimes of a cache are separate if the provider reports both", () => {
  const lifetimes = { ...seen, cacheWrite5m: 200, cacheWrite1h: 100 };
  const anthropic = { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 100 };
  assert.deepEqual(read({}, { cache_creation_tokens: 300, cache_creation_token_details: anthropic }), lifetimes);
  assert.deepEqual(read({ cache_creation_input_tokens: 300, cache_creation: anthropic }, {}), lifetimes);
  assert.deepEqual(read({}, { cache_write_tokens: 300, cache_write_tokens_details: { ttl_30m_tokens: 200, ttl_12h_tokens: 100 } }), {
    ...lifetimes,
    units: { cache_write_30m: 200, cache_write_12h: 100 },
  });
  assert.deepEqual(read({ claude_cache_creation_1_h_tokens: 100 }, { cached_creation_tokens: 300 }), lifetimes);
});

test("a total that has the cache, where the prompt has not, is no further output", () => {
  const cache = { cache_creation_input_tokens: 3000, cache_read_input_tokens: 40 };
  assert.deepEqual(read({ ...cache, total_tokens: 4045 }, {}), { input: 4040, output: 5, cacheRead: 40, cacheWrite5m: 3000 });
});

test("a prompt that is counted without its cache is counted whole", () => {
  assert.deepEqual(read({ cache_creation_input_tokens: 3000, cache_read_input_tokens: 40 }, {}), {
    input: 4040,
    output: 5,
    cacheRead: 40,
    cacheWrite5m: 3000,
  });
});
