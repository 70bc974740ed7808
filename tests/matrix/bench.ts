import assert from "node:assert/strict";
import type { UsageRow } from "../../src/ledger/index.ts";
import { announcementsOver } from "../e2e/both-ways.ts";
import type { Caller, GatewayOptions, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import type { RawReply } from "../e2e/raw-http.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import type { Ask, MatrixClient, Outcome } from "./ask.ts";
import { createAnthropicClient } from "./client-anthropic.ts";
import { createGeminiClient } from "./client-gemini.ts";
import { createChatClient } from "./client-openai-chat.ts";
import { createResponsesClient } from "./client-openai-responses.ts";
import { checkGrammar } from "./grammar.ts";

/** Four providers with one protocol and one model each. Names of models tell the gateway what they take. */
export const models: Readonly<Record<Protocol, string>> = {
  "openai-chat": "open-chat",
  "openai-responses": "gpt-5.1",
  "anthropic-messages": "claude-sonnet-4-5",
  "gemini-generate": "gemini-3-flash",
};

/** One pair, in one way of answering. */
export interface Cell {
  readonly client: MatrixClient;
  readonly upstream: Protocol;
  readonly stream: boolean;
}

export interface Played {
  readonly outcome: Outcome;
  readonly request: RecordedRequest;
  readonly row: UsageRow;
}

/** A gateway before a mock upstream that checks what it is sent, and a client of each dialect. */
export interface Bench {
  readonly mock: MockUpstream;
  readonly gateway: TestGateway;
  readonly caller: Caller;
  readonly clients: Readonly<Record<Protocol, MatrixClient>>;
  readonly models: typeof models;
  /**
   * Runs an ask through the SDK; a streamed one then once more without it, whose bytes are checked event by event. Asserts that each reached the
   * upstream once and left one entry, of the right provider, with the tokens that the upstream reported.
   */
  play(cell: Cell, ask: Ask, answer: Scenario): Promise<Played>;
  /** The same request without an SDK. */
  send(cell: Cell, ask: Ask): Promise<RawReply>;
  stop(): Promise<void>;
}

export async function startBench(options: Pick<GatewayOptions, "clock"> = {}): Promise<Bench> {
  const mock = await createMockUpstream({ apiKeys: ["sk-matrix"] });
  const gateway = await startGateway({ ...options, config: configOf(mock.url) }).catch(async (error: unknown) => {
    // Else its open port would keep the run from ending.
    await mock.close();
    throw error;
  });
  await announcementsOver(mock, Object.keys(models).length);
  const caller = await gateway.createKey("alice");
  const clients = {
    "openai-chat": createChatClient(gateway.url, caller.key),
    "openai-responses": createResponsesClient(gateway.url, caller.key),
    "anthropic-messages": createAnthropicClient(gateway.url, caller.key),
    "gemini-generate": createGeminiClient(gateway.url, caller.key),
  };

  const send = ({ client, upstream, stream }: Cell, ask: Ask): Promise<RawReply> => {
    const { path, body } = client.wire(ask, models[upstream], stream);
    const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
    return sendRaw(gateway.url, { path, headers, body: JSON.stringify(body) });
  };

  const play = async (cell: Cell, ask: Ask, answer: Scenario): Promise<Played> => {
    mock.reset();
    mock.enqueue(answer);
    const before = (await gateway.rows()).length;
    const outcome = await cell.client.run(ask, models[cell.upstream], cell.stream);
    if (cell.stream) {
      mock.enqueue(answer);
      const reply = await send(cell, ask);
      assert.equal(reply.status, 200, reply.body.toString());
      checkGrammar(cell.client.id, reply.body);
    }
    const rows = (await gateway.rows()).slice(before);
    const { requests } = mock;
    assert.equal(requests.length, cell.stream ? 2 : 1);
    assert.deepEqual(
      rows.map(shownRow),
      requests.map((request) => expectedRow(request, cell, caller)),
    );
    return { outcome, request: requests[0]!, row: rows[0]! };
  };

  return {
    mock,
    gateway,
    caller,
    clients,
    models,
    play,
    send,
    async stop() {
      await gateway.stop();
      await mock.close();
    },
  };
}

/** The configuration of a gateway before the mock at `mockUrl`: a provider for each protocol. */
export function configOf(mockUrl: string): string {
  const lines = Object.entries(models).map(([protocol, model]) => {
    const base = protocol.startsWith("openai") ? `${mockUrl}/v1` : mockUrl;
    return `  ${protocol}: { protocols: [${protocol}], api_key: sk-matrix, base_url: "${base}", models: ["${model}"] }`;
  });
  return `gateway: { work_mode: auto }\nrouting: { retries: 0 }\nproviders:\n${lines.join("\n")}\n`;
}

function shownRow(row: UsageRow): object {
  return {
    user: row.user_id,
    dialect: row.dialect,
    provider: row.provider,
    asked: row.model_asked,
    served: row.model_served,
    source: row.usage_source,
    input: row.input_tokens,
    output: row.output_tokens,
    cached: row.cache_read_tokens ?? 0,
    cacheWrite5m: row.cache_write_5m_tokens ?? 0,
    cacheWrite1h: row.cache_write_1h_tokens ?? 0,
    reasoning: row.reasoning_tokens ?? 0,
    status: row.status,
    http: row.http_status,
    error: row.error_code,
  };
}

function expectedRow(request: RecordedRequest, { client, upstream }: Cell, caller: Caller): object {
  assert.notEqual(request.reportedUsage, null, "the upstream reported its usage");
  return {
    user: caller.user.id,
    dialect: client.id,
    provider: upstream,
    asked: models[upstream],
    served: models[upstream],
    source: "reported",
    ...request.reportedUsage,
    status: "ok",
    http: 200,
    error: null,
  };
}
