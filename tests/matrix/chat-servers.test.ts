import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { chatServers } from "../testbed/chat-servers/index.ts";
import { sentAsks } from "./sent-to-server.ts";

suite("servers that speak Chat and are not OpenAI take what they are sent", () => {
  for (const server of chatServers) {
    test(server.name, () => {
      for (const model of server.models) {
        for (const { name, client, sent } of sentAsks(server, model)) {
          const refusal = server.refuse(sent);
          assert.equal(refusal, undefined, `${model}, ${client}, ${name}: ${JSON.stringify(refusal)}\n${JSON.stringify(sent["messages"])}`);
        }
      }
    });
  }
});
