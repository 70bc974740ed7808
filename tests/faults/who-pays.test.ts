import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import type { UsageRow } from "../../src/ledger/index.ts";
import { announcementsOver } from "../e2e/both-ways.ts";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { chunk, head, healthyScript, reset, send, STREAM_HEADERS } from "../testbed/fault-wire.ts";
import type { Scenario } from "../testbed/scenario.ts";
import type { Dialect } from "./dialects.ts";
import { dialects } from "./dialects.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** US dollars a million tokens: nano-USD a token are a thousand times that. */
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "3", output: "15" }`).join("\n")}
`;

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ validate: false, apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url, prices) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** The client's part: reads to the end, or leaves when the first piece has come, or when the upstream has the request. */
type Leaving = "stays" | "after-a-piece" | "at-once";

async function play(dialect: Dialect, stream: boolean, scenario: Scenario, leaving: Leaving, model?: string): Promise<UsageRow> {
  mock.reset();
  mock.enqueue(scenario);
  const known = (await gateway.rows()).length;
  await new Promise<void>((resolve) => {
    const sent = httpRequest(`${gateway.url}${dialect.path(stream, model)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
      agent: false,
    });
    sent.on("close", resolve);
    sent.on("error", () => undefined);
    sent.on("response", (answer) => {
      answer.on("error", () => undefined);
      if (leaving === "after-a-piece") answer.once("data", () => sent.destroy());
      else answer.resume();
    });
    if (leaving === "at-once") void mock.waitForRequests(1).then(() => sent.destroy());
    sent.end(dialect.body(stream, prompt, model));
  });
  // The gateway has to notice that its client has left, and that takes turns of the same loop.
  const rows = await waitUntil("the request has its row", async () => {
    const found = await gateway.rows();
    return found.length > known && found;
  });
  assert.equal(rows.length, known + 1);
  return rows.at(-1)!;
}

const prompt = "Tell me a story of four words.";
const plainScenario: Scenario = {
  text: ["one ", "two ", "three ", "four"],
  usage: { input: 20, output: 4, cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, reasoning: 0 },
};

type Bill = Pick<UsageRow, "attempt" | "status" | "usage_source" | "input_tokens" | "output_tokens"> & { readonly cost: number | null };

function billOf(row: UsageRow): Bill {
  const { attempt, status, usage_source, input_tokens, output_tokens, cost_nano_usd: cost } = row;
  return { attempt, status, usage_source, input_tokens, output_tokens, cost: cost === null ? null : Number(cost) };
}

/** The body's bytes, four a token, corrected by what the answers before have reported. */
function assertPrompt(dialect: Dialect, stream: boolean, tokens: number | null): void {
  const plain = Math.ceil(Buffer.byteLength(dialect.body(stream, prompt)) / 4);
  assert.ok(tokens! > plain * 0.6 && tokens! < plain * 1.4, `${tokens}, not ${plain}`);
}

/** What is known of a prompt amid a stream: Anthropic and Gemini report it from the first event on. */
function assertPromptTold(dialect: Dialect, tokens: number | null): void {
  if (dialect.id === "anthropic-messages" || dialect.id === "gemini-generate") assert.equal(tokens, 20);
  else assertPrompt(dialect, true, tokens);
}

const costOf = (input: number, output: number): number => input * 3000 + output * 15_000;

for (const dialect of dialects) {
  const named = (what: string): string => `${dialect.id}: ${what}`;

  test(named("an answer that is complete is paid as the upstream reported it"), async () => {
    for (const stream of [false, true]) {
      assert.deepStrictEqual(billOf(await play(dialect, stream, plainScenario, "stays")), {
        attempt: 1,
        status: "ok",
        usage_source: "reported",
        input_tokens: 20,
        output_tokens: 4,
        cost: costOf(20, 4),
      });
    }
  });

  test(named("a client that leaves pays what had been sent until then, reported or estimated, and the prompt"), async () => {
    const row = await play(dialect, true, { ...plainScenario, trouble: { kind: "hang", afterPieces: 2 } }, "after-a-piece");
    const bill = billOf(row);
    assert.deepStrictEqual([bill.status, row.http_status, row.error_code], ["cancelled", 499, "client_closed_request"]);
    assertPromptTold(dialect, bill.input_tokens);
    assert.ok(bill.output_tokens! >= 1 && bill.output_tokens! <= 4, JSON.stringify(bill));
    assert.equal(bill.cost, costOf(bill.input_tokens!, bill.output_tokens!));
  });

  test(named("a client that leaves before the answer pays the prompt"), async () => {
    for (const stream of [false, true]) {
      const row = await play(dialect, stream, { ...plainScenario, trouble: { kind: "hang", afterPieces: "headers" } }, "at-once");
      const bill = billOf(row);
      assertPrompt(dialect, stream, bill.input_tokens);
      assert.deepStrictEqual(
        { ...bill, input_tokens: null },
        {
          attempt: 1,
          status: "cancelled",
          usage_source: "estimated",
          input_tokens: null,
          output_tokens: 0,
          cost: costOf(bill.input_tokens!, 0),
        },
      );
    }
  });

  test(named("a stream that its upstream cuts, or ends with an error, is paid up to there; the error's words are no output"), async () => {
    const error = { status: 500, message: "The words of this error are many, and none of them was asked for by anybody at all." };
    for (const trouble of [
      { kind: "cut", afterPieces: 2 },
      { kind: "error-event", afterPieces: 2, error },
    ] as const) {
      // One piece a write, so that what is cut off has arrived.
      const bill = billOf(await play(dialect, true, { ...plainScenario, delayBetweenChunksMs: 0, trouble }, "stays"));
      assertPromptTold(dialect, bill.input_tokens);
      assert.deepStrictEqual([bill.attempt, bill.status], [1, "interrupted"]);
      assert.ok(bill.output_tokens! >= 1 && bill.output_tokens! <= 3, `${trouble.kind}: ${JSON.stringify(bill)}`);
      assert.equal(bill.cost, costOf(bill.input_tokens!, bill.output_tokens!));
    }
  });

  test(named("what fails before any content costs nothing: an error event, a cut, a status"), async () => {
    const error = { status: 500, message: "no" };
    for (const [stream, trouble] of [
      [true, { kind: "error-event", afterPieces: 0, error }],
      [true, { kind: "cut", afterPieces: 0 }],
      [true, { kind: "error", error }],
      [false, { kind: "cut", afterPieces: 1 }],
      [false, { kind: "error", error }],
      [false, { kind: "error", error: { status: 429, message: "slow down" } }],
    ] as const) {
      const { attempt, status, cost, input_tokens, output_tokens } = billOf(
        await play(dialect, stream, { ...plainScenario, trouble }, "stays"),
      );
      assert.deepStrictEqual(
        { attempt, status, cost, input_tokens, output_tokens },
        { attempt: 1, status: "error", cost: 0, input_tokens: null, output_tokens: null },
        JSON.stringify(trouble),
      );
    }
  });

  test(named("a request that is refused costs nothing and is attempt 0"), async () => {
    const { usage_source, ...bill } = billOf(await play(dialect, false, plainScenario, "stays", "no-such-model"));
    assert.deepStrictEqual(bill, { attempt: 0, status: "refused", input_tokens: null, output_tokens: null, cost: 0 });
    assert.equal(usage_source, "none");
    assert.equal(mock.requests.length, 0);
  });
}

test("a stream whose head had to go out before any content, and that then fails, costs nothing", async () => {
  const server = await createFaultServer();
  const late = { ms: 0 };
  const slow = await startGateway({
    config: withMockUpstream(server.url, prices),
    clock: { now: () => Date.now(), monotonic: () => performance.now() + late.ms },
  });
  try {
    await server.waitForRequests(Object.keys(providerKeys).length);
    const { key } = await slow.createKey("alice");
    const headSeen = Promise.withResolvers<void>();
    server.use(async (context) => {
      await send(context, head(200, STREAM_HEADERS));
      await send(context, chunk(healthyScript(context.protocol).opening));
      await waitUntil("the stream is open", () => slow.gateway.metrics().gauges["active_streams"] === 1);
      // So long nothing is said that the client gets the head without it.
      late.ms += 11_000;
      await headSeen.promise;
      await reset(context);
    });
    const dialect = dialects.find(({ id }) => id === "anthropic-messages")!;
    const answer = await fetch(`${slow.url}${dialect.path(true)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: dialect.body(true, prompt),
    });
    assert.equal(answer.status, 200);
    headSeen.resolve();
    assert.match(await answer.text(), /event: error/);
    assert.deepStrictEqual(billOf((await slow.rows()).at(-1)!), {
      attempt: 1,
      status: "interrupted",
      usage_source: "estimated",
      input_tokens: 0,
      output_tokens: 0,
      cost: 0,
    });
  } finally {
    await slow.stop();
    await server.close();
  }
});
