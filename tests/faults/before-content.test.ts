import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import type { FaultContext } from "../testbed/fault-wire.ts";
import { chunk, errorEvent, head, healthyScript, LAST_CHUNK, reset, send, STREAM_HEADERS, untilClosed } from "../testbed/fault-wire.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { dialects } from "./dialects.ts";
import { ask, type Seen } from "./observe.ts";

let first: FaultServer;
let second: FaultServer;
let gateway: TestGateway;
let caller: Caller;

const otherProtocol = (protocol: Protocol): Protocol => (protocol === "openai-chat" ? "anthropic-messages" : "openai-chat");

before(async () => {
  first = await createFaultServer();
  second = await createFaultServer();
  const provider = (name: string, server: FaultServer, protocol: Protocol): string =>
    `  ${name}-${protocol}: { protocols: [${protocol}], api_key: k, base_url: "${server.url}${protocol.startsWith("openai") ? "/v1" : ""}", timeouts: { idle: 300ms } }\n`;
  const providers = PROTOCOLS.flatMap((protocol) => [provider("one", first, protocol), provider("two", second, protocol)]);
  const routes = PROTOCOLS.flatMap((protocol) => [
    `  "both-${protocol}-*": [one-${protocol}, two-${otherProtocol(protocol)}]\n`,
    `  "back-${protocol}-*": [one-${otherProtocol(protocol)}, two-${protocol}]\n`,
  ]);
  gateway = await startGateway({
    config: `providers:\n${providers.join("")}model_provider_routes:\n${routes.join("")}routing: { retries: 0 }\n`,
  });
  caller = await gateway.createKey("alice");
  await Promise.all([first.waitForRequests(PROTOCOLS.length), second.waitForRequests(PROTOCOLS.length)]);
});
after(async () => {
  await gateway.stop();
  await first.close();
  await second.close();
});

const pings: Readonly<Record<Protocol, string>> = {
  "openai-chat": ": OPENROUTER PROCESSING\n\n",
  "openai-responses": ": keep-alive\n\n",
  "anthropic-messages": 'event: ping\ndata: {"type":"ping"}\n\n',
  "gemini-generate": ": ping\n\n",
};

/** What has come before the fault: all that a protocol sends before its first content. */
async function open(context: FaultContext): Promise<void> {
  const { protocol } = context;
  const { opening } = healthyScript(protocol);
  await send(context, head(200, STREAM_HEADERS));
  for (const frames of [pings[protocol], opening, pings[protocol]]) if (frames !== "") await send(context, chunk(frames));
}

const endings: Readonly<Record<string, (context: FaultContext) => Promise<unknown>>> = {
  "an error event": async (context) => {
    await send(context, chunk(errorEvent(context.protocol, 503, false)));
    await send(context, LAST_CHUNK);
  },
  "a reset": (context) => reset({ ...context, settings: { ...context.settings, beforeResetMs: 50 } }),
  "the end of the body": (context) => send(context, LAST_CHUNK),
  "the end of the connection": async (context) => context.socket.end(),
  "an event that is not JSON": async (context) => {
    await send(context, chunk("data: {nonsense\n\n"));
    await send(context, LAST_CHUNK);
  },
  silence: untilClosed,
};

let models = 0;

/** Of each dialect's beginning there may be one in a stream: the second target's. */
const beginnings: Readonly<Record<Protocol, string>> = {
  "openai-chat": '"role":"assistant"',
  "openai-responses": '"type":"response.created"',
  "anthropic-messages": '"type":"message_start"',
  "gemini-generate": '"text":"Hello"',
};

for (const [what, end] of Object.entries(endings)) {
  test(`${what} before the first content of a stream: another provider answers, and nothing of the first one reaches the client`, async () => {
    first.use(async (context) => {
      if (context.request.method === "POST") await open(context);
      await end(context);
    });
    second.use("healthy");
    const asked = dialects.flatMap((dialect) => ["both", "back"].map((route) => ({ dialect, route })));
    const seen = await Promise.all(
      asked.map(({ dialect, route }) => ask(gateway, caller.key, dialect, true, undefined, `${route}-${dialect.id}-${++models}`)),
    );
    const rows = Map.groupBy(await gateway.rows(), ({ request_id: id }) => id);
    assert.deepEqual(
      seen.map(describe),
      asked.map(({ dialect, route }) => `${route} ${dialect.id}: whole by two, 1 beginning; error, ok`),
    );
    function describe({ how, headers, body, requestId }: Seen, index: number): string {
      const { dialect, route } = asked[index]!;
      const provider = String(headers["x-tokligence-provider"]).split("-")[0];
      const begun = body.toString().split(beginnings[dialect.id]).length - 1;
      const statuses = (rows.get(requestId) ?? []).map(({ status }) => status);
      return `${route} ${dialect.id}: ${how} by ${provider}, ${begun} beginning; ${statuses.join(", ")}`;
    }
  });
}
