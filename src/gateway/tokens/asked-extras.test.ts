import assert from "node:assert/strict";
import { test } from "node:test";
import { readAskedExtras } from "./asked-extras.ts";

const none = { units: undefined, outputs: ["output_image"], speed: undefined, tier: undefined, region: undefined };
const read = (body: object, model = "m"): object => readAskedExtras(JSON.stringify(body), model);

test("tools of a provider are counted with the calls that the request allows, or with ten", () => {
  assert.deepEqual(
    [
      read({ tools: [{ type: "web_search_20250305", max_uses: 3 }] }),
      read({ tools: [{ type: "web_search" }], max_tool_calls: 4 }),
      read({ tools: [{ googleSearch: {} }, { googleMaps: {} }, { codeExecution: {} }] }),
      read({ tools: [{ type: "file_search" }] }),
      read({}, "perplexity/sonar-pro"),
      read({ messages: [{ role: "user", content: "hello" }], tools: [{ type: "function", function: { name: "web_search" } }] }),
    ],
    [
      { ...none, units: { web_search: 3, grounded_prompt: 1 } },
      { ...none, units: { web_search: 4, grounded_prompt: 1 } },
      { ...none, units: { web_search: 10, grounded_prompt: 1, maps_search: 10, code_session: 1 } },
      { ...none, units: { file_search: 10 } },
      { ...none, units: { web_search: 10, grounded_prompt: 1 } },
      none,
    ],
  );
});

test("speed, class, region, sound and media are what the body says", () => {
  const sound = Buffer.alloc(60_000, 7).toString("base64");
  assert.deepEqual(
    [
      read({ speed: "fast", inference_geo: "us" }),
      read({ generationConfig: { responseModalities: ["AUDIO"] }, serviceTier: "priority" }),
      read({ service_tier: "auto" }),
      read({ messages: [{ content: [{ type: "input_audio", input_audio: { data: sound, format: "mp3" } }] }] }),
    ],
    [
      { ...none, speed: "fast", region: "us" },
      { ...none, outputs: ["output_image", "output_audio"], tier: "priority" },
      none,
      { ...none, units: { input_audio: 120 } },
    ],
  );
});
