import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { latin1OfUtf8, parseLatin1, asBytes } from "../../src/core/index.ts";
import { protocols, ServerQuirks } from "../../src/protocols/index.ts";
import { findPreset } from "../../src/upstream/index.ts";
import { chatServers } from "../testbed/chat-servers/index.ts";
import type { JsonObject } from "../testbed/json.ts";
import { ownAsks } from "./own-chat-asks.ts";

const chat = protocols.get("openai-chat")!;

suite("a body of a Chat client reaches a Chat server as it takes it", () => {
  for (const server of chatServers) {
    test(server.name, () => {
      const quirks = new ServerQuirks(findPreset(server.name)!.quirks);
      for (const model of server.models) {
        for (const { name, body } of ownAsks) {
          const sent = { model, ...body };
          const text = latin1OfUtf8(JSON.stringify(sent, null, 1));
          const fitted = chat.fitOwnBody!(text, { model, quirks: quirks.ownOf(model) });
          const refusal = server.refuse(parseLatin1(asBytes(fitted?.text ?? text)) as JsonObject);
          assert.equal(refusal, undefined, `${model}, ${name}: ${JSON.stringify(refusal)}`);
          assert.equal(fitted === undefined, fitted?.losses.length === undefined);
          assert.notEqual(fitted?.losses.length, 0, `${model}, ${name}: a change is reported`);
          // What the server takes goes as it is, byte for byte.
          if (fitted !== undefined && server.refuse(sent) === undefined)
            assert.ok(changesUnrefused.has(server.name), `${model}, ${name}: ${fitted.text}`);
        }
      }
    });
  }
});

/** Servers whose own requests may be changed although the mock accepts them: the order of roles is changed as a whole, and fields that they ignore are sent in another form. */
const changesUnrefused = new Set(["llama.cpp", "vllm", "sglang", "ollama", "lm-studio", "mistral", "minimax", "glm"]);
