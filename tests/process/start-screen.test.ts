import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { spawnStart } from "./foreground.ts";
import { createHome } from "./processes.ts";

test("the screen waits a moment for the providers, shows what each answered, and names a model that works", async (t) => {
  const upstream = createServer((request, response) => {
    if (request.url!.startsWith("/silent")) return;
    const isKnown = request.headers.authorization === "Bearer sk-right";
    response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
    response.end(isKnown ? '{"object":"list","data":[{"id":"gpt-5"},{"id":"gpt-5-nano"},{"id":"text-embedding-3-small"}]}' : "no");
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const home = await createHome();
  t.after(() => home.clear());
  await home.writeConfig(`
gateway: { port: 0 }
providers:
  openai: { base_url: "${origin}/v1", api_key: sk-right }
  wrong: { preset: groq, base_url: "${origin}/v1", api_key: sk-wrong, models: [wrong-nano] }
  silent: { protocols: [openai-chat], base_url: "${origin}/silent" }
  gone: { protocols: [openai-chat], base_url: "http://127.0.0.1:9/v1" }
  anthropic: { enabled: false }
  google: { enabled: false }
`);
  const began = performance.now();
  const screen = await spawnStart(home, { XAI_API_KEY: "x", FORCE_COLOR: "1" });
  const tookMs = performance.now() - began;
  assert.equal((await screen.end()).code, 0);
  const providers = screen.text.split("  providers\n")[1]!.split("\n\n")[0]!.split("\n");
  const host = new URL(origin).host;
  assert.deepEqual(
    providers.map((line) => line.trim().replace(/ {2,}/g, "  ")),
    [
      'loopback  ✓ built in: the model "loopback" repeats its input',
      `openai  ✓ 3 models  ${host}`,
      `wrong  ✗ 401, the key is wrong  ${host}`,
      `silent  … no answer yet  ${host}`,
      "gone  ✗ refuses connections. Check that the server runs and that base_url names its host and port.  127.0.0.1:9",
      "anthropic  – off: enabled is false in the configuration",
      "google  – off: enabled is false in the configuration",
    ],
  );
  assert.ok(screen.text.includes('"model": "gpt-5-nano"'), screen.text);
  assert.ok(screen.text.includes("XAI_API_KEY is set, but unused. Add under providers:  xai: {}"));
  assert.ok(!screen.text.includes("\u001b"));
  assert.ok(tookMs < 15_000, `${Math.round(tookMs)} ms`);
});
