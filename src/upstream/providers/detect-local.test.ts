import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../core/index.ts";
import { createLocalProbe, detectLocalServers, type LocalModelServer } from "./detect-local.ts";
import { jsonAnswer, rawServer } from "../testing.ts";

function list(ownedBy: string | undefined, ...ids: readonly string[]): unknown {
  return { object: "list", data: ids.map((id) => ({ id, object: "model", ...(ownedBy === undefined ? {} : { owned_by: ownedBy }) })) };
}

/** Runs the detection on a machine whose ports give these answers: `port path` → JSON. */
function detectOn(answers: Readonly<Record<string, unknown>>): Promise<readonly LocalModelServer[]> {
  return detectLocalServers({ probe: async (port, path) => answers[`${port} ${path}`] });
}

test("Ollama, vLLM and LM Studio are found on their ports with their models", async () => {
  assert.deepEqual(
    await detectOn({
      "11434 /v1/models": list("library", "llama3.2:3b", "qwen3"),
      "11434 /api/version": { version: "0.40.1" },
      "8000 /v1/models": list("vllm", "meta-llama/Llama-3"),
      "1234 /v1/models": list("organization_owner", "qwen/qwen3"),
    }),
    [
      { preset: "ollama", baseUrl: "http://127.0.0.1:11434/v1", models: ["llama3.2:3b", "qwen3"] },
      { preset: "vllm", baseUrl: "http://127.0.0.1:8000/v1", models: ["meta-llama/Llama-3"] },
      { preset: "lm-studio", baseUrl: "http://127.0.0.1:1234/v1", models: ["qwen/qwen3"] },
    ],
  );
});

test("a server's own name takes precedence over its port", async () => {
  assert.deepEqual(await detectOn({ "8000 /v1/models": list("library", "llama3") }), [
    { preset: "ollama", baseUrl: "http://127.0.0.1:8000/v1", models: ["llama3"] },
  ]);
});

test("a port that gives another answer is ignored", async () => {
  const others: readonly unknown[] = [
    { hello: "world" },
    [],
    "ok",
    null,
    { object: "list", data: [{ name: "x" }] },
    { object: "list", data: "x" },
  ];
  for (const answer of others) {
    assert.deepEqual(await detectOn({ "8000 /v1/models": answer, "1234 /v1/models": answer, "11434 /v1/models": answer }), []);
  }
  assert.deepEqual(await detectOn({ "11434 /v1/models": list("somebody", "m") }), [], "Ollama says its version");
});

test("Ollama without models, whose list is null, is found by its version", async () => {
  assert.deepEqual(await detectOn({ "11434 /v1/models": { object: "list", data: null }, "11434 /api/version": { version: "0.40.1" } }), [
    { preset: "ollama", baseUrl: "http://127.0.0.1:11434/v1", models: [] },
  ]);
});

test("the probe uses the network, and ignores a slow, closed, broken or unsuccessful answer", async (t) => {
  const probe = createLocalProbe({ clock: systemClock, logger: silentLogger });
  const upstream = await rawServer(t, ({ socket, head }) => {
    if (head.startsWith("GET /good ")) socket.write(jsonAnswer('{"object":"list"}'));
    if (head.startsWith("GET /missing ")) socket.write(jsonAnswer("{}", "HTTP/1.1 404 No"));
    if (head.startsWith("GET /html ")) socket.write(jsonAnswer("<html>"));
  });
  assert.deepEqual(await probe(upstream.port, "/good", 300), { object: "list" });
  for (const path of ["/missing", "/html"]) assert.equal(await probe(upstream.port, path, 300), undefined);
  const started = performance.now();
  assert.equal(await probe(upstream.port, "/silent", 60), undefined);
  assert.ok(performance.now() - started < 300);
  assert.doesNotMatch(upstream.requests[0]!.head, /authorization/i);
  upstream.server.close();
  for (const socket of upstream.sockets) socket.destroy();
  assert.equal(await probe(upstream.port, "/good", 300), undefined);
});
