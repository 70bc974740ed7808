import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { dialects } from "../faults/dialects.ts";
import { ask } from "../faults/observe.ts";
import { createFaultServer, type FaultServer } from "../testbed/fault-server.ts";
import { healthyJson, send } from "../testbed/fault-wire.ts";
import { poison, smuggledAnswers, type SmuggledAnswer } from "./smuggled-answers.ts";

let server: FaultServer;
let gateway: TestGateway;
let key: string;
before(async () => {
  server = await createFaultServer();
  gateway = await startGateway({
    config: `providers:\n  p: { protocols: [openai-chat], api_key: k, base_url: "${server.url}/v1", timeouts: { total: 300ms } }\nmodel_provider_routes: { "m*": p }\nrouting: { retries: 0 }\n`,
  });
  ({ key } = await gateway.createKey("alice"));
  await server.waitForRequests(1);
});
after(async () => {
  await gateway.stop();
  await server.close();
});

const chat = dialects[0]!;
const healthy = JSON.stringify(healthyJson("openai-chat"));

function written({ bytes }: SmuggledAnswer): Buffer {
  const length = Buffer.byteLength(healthy);
  const parts = bytes.replaceAll("LENGTH", String(length)).replaceAll("HEX", length.toString(16)).split("BODY");
  return Buffer.concat(parts.flatMap((part, index) => [...(index === 0 ? [] : [Buffer.from(healthy)]), Buffer.from(part, "latin1")]));
}

let models = 0;
const request = () => ask(gateway, key, chat, false, "hi", `m${++models}`);

test("answers that could be read in two ways are refused or have one meaning, and the next request has its own answer", async (t) => {
  const outcomes: string[][] = [];
  for (const answer of smuggledAnswers) {
    server.use(async (context) => {
      await send(context, written(answer));
    }, "healthy");
    const first = await request();
    const second = await request();
    assert.ok(!first.body.includes(poison) && !second.body.includes(poison), answer.name);
    assert.equal(second.body.toString(), healthy, answer.name);
    if (first.how === "whole") assert.equal(first.body.toString(), healthy, answer.name);
    const outcome = first.status === 502 ? "refused" : `${first.status} ${first.how}`;
    if (answer.expected !== "any") outcomes.push([answer.name, first.how === "whole" ? "served" : outcome]);
  }
  assert.deepEqual(
    outcomes,
    smuggledAnswers.filter(({ expected }) => expected !== "any").map(({ name, expected }) => [name, expected]),
  );
  t.diagnostic(`${smuggledAnswers.length} answers`);
});
