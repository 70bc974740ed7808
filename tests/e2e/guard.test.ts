import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { startGateway, type TestGateway } from "./harness.ts";
import { sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  mock = await createMockUpstream({ apiKeys: ["sk-guard"] });
  const provider = (protocol: string, base: string): string =>
    `{ protocols: [${protocol}], api_key: sk-guard, base_url: "${base}", models: [m-${protocol}] }`;
  gateway = await startGateway({
    config: `guards: { duplicate_tool_calls: { refuse_at: 6 } }
providers:
  chat: ${provider("openai-chat", `${mock.url}/v1`)}
  claude: ${provider("anthropic-messages", mock.url)}
`,
  });
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

const note = /\[Note from the gateway: read has now been called 3 times in a row/;

/** A Chat conversation in which one call was made so often, with one result. */
function looping(model: string, count: number): string {
  const turns = Array.from({ length: count }, (_, n) => [
    { role: "assistant", content: null, tool_calls: [{ id: `c${n}`, type: "function", function: { name: "read", arguments: "{}" } }] },
    { role: "tool", tool_call_id: `c${n}`, content: "nothing there" },
  ]);
  const tools = [{ type: "function", function: { name: "read", parameters: { type: "object", properties: {} } } }];
  return JSON.stringify({ model, max_tokens: 50, tools, messages: [{ role: "user", content: "go" }, ...turns.flat()] });
}

async function ask(body: string): Promise<{ status: number; header: string | undefined; body: string; sent: string | undefined }> {
  mock.reset();
  mock.enqueue({ text: ["Stopped."] });
  const headers = ["authorization", `Bearer ${gateway.adminKey}`, "content-type", "application/json"];
  const reply = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers, body });
  const at = reply.rawHeaders.indexOf("x-tokligence-duplicate-tool-calls");
  const sent = mock.requests.find(({ body: bytes }) => bytes.includes("nothing there"))?.body.toString();
  return { status: reply.status, header: at < 0 ? undefined : reply.rawHeaders[at + 1], body: reply.body.toString(), sent };
}

for (const model of ["m-openai-chat", "m-anthropic-messages"]) {
  test(`${model}: an agent that repeats a call is reported to the model in the last result, to the client in a header, to the operator in the log`, async () => {
    const { status, header, sent } = await ask(looping(model, 3));
    assert.deepEqual([status, header], [200, "3"]);
    assert.match(sent!, note);
    assert.equal(sent!.split("nothing there").length, 4);
    assert.match(await gateway.logText(), /"tool":"read","count":3/);
    const before = await ask(looping(model, 2));
    assert.deepEqual([before.status, before.header, note.test(before.sent!)], [200, undefined, false]);
  });
}

test("the metrics count the notes and the refusals of the guard", async () => {
  const read = async (name: string): Promise<number> => {
    const { body } = await sendRaw(gateway.url, {
      method: "GET",
      path: "/metrics",
      headers: ["authorization", `Bearer ${gateway.adminKey}`],
    });
    return Number(new RegExp(`^tokligence_duplicate_tool_calls_${name}_total (\\d+)$`, "m").exec(body.toString())?.[1]);
  };
  const before = [await read("noted"), await read("refused")];
  for (const count of [2, 3, 4, 7]) await ask(looping("m-openai-chat", count));
  assert.deepEqual([(await read("noted")) - before[0]!, (await read("refused")) - before[1]!], [2, 1]);
});

test("from refuse_at on the request is refused in the client's dialect, and nothing goes upstream", async () => {
  const { status, body, sent } = await ask(looping("m-openai-chat", 6));
  assert.deepEqual([status, sent], [400, undefined]);
  const { error } = JSON.parse(body) as { error: { code: string; message: string } };
  assert.equal(error.code, "duplicate_tool_call");
  assert.match(error.message, /"read" was called 6 times in a row/);
});
