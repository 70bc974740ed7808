import assert from "node:assert/strict";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { startGateway, withMockUpstream, type TestGateway } from "../e2e/harness.ts";
import { createDeafListener, type DeafListener } from "../testbed/deaf-listener.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { ScenarioTrouble } from "../testbed/scenario.ts";
import { dialects, type Dialect } from "./dialects.ts";
import { readReply, type Seen } from "./observe.ts";

/** A request whose answer has begun. */
interface Begun {
  readonly head: IncomingMessage;
  /** What the client reads, to the end. */
  readonly seen: Promise<Seen>;
}

let mock: MockUpstream;
let gateway: TestGateway;
let key: string;
/** The silence of all upstreams in the requests of one test, whose text is its name. */
class Silence {
  readonly text: string;
  readonly #over = Promise.withResolvers<void>();

  constructor(text: string) {
    this.text = text;
    silences.set(text, this);
  }

  get over(): Promise<void> {
    return this.#over.promise;
  }

  end(): void {
    this.#over.resolve();
  }
}
const silences = new Map<string, Silence>();

/** That of a request, by its body. */
function silenceOf(body: string): Silence | undefined {
  return [...silences.values()].find(({ text }) => body.includes(text));
}

/** Refuses every request after the silence. */
const refusing = createServer((request, response) => {
  if (request.method === "GET") {
    response.writeHead(404).end("{}");
    return;
  }
  void request.toArray().then(async (parts: readonly Buffer[]) => {
    await silenceOf(Buffer.concat(parts).toString())?.over;
    response.writeHead(429, { "content-type": "application/json" });
    response.end('{"error":{"message":"slow down","type":"rate_limit_error","code":429,"status":"RESOURCE_EXHAUSTED"}}');
  });
});

/** Accepts no connection. */
let deaf: DeafListener;

before(async () => {
  deaf = await createDeafListener();
  mock = await createMockUpstream({
    choose(request): { readonly trouble: ScenarioTrouble } | undefined {
      const body = request.body.toString();
      const silence = silenceOf(body);
      // Half of them are silent before their head, half before their first content.
      const afterPieces = body.includes("claude") || body.includes("org/") ? 0 : "headers";
      return silence && { trouble: { kind: "hang", afterPieces, until: silence.over } };
    },
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
  const refused = dialects
    .map(({ id }) => `  no-${id}: { protocols: [${id}], api_key: k, base_url: "${url}", models: [no-${id}] }`)
    .join("\n");
  const away = `  away: { protocols: [openai-chat], base_url: "http://127.0.0.1:${deaf.port}/v1", timeouts: { connect: 1500ms } }`;
  const config = withMockUpstream(mock.url)
    .replace("{ work_mode: auto }", "{ early_head: 1ms, timeouts: { first_byte: 20s } }")
    .replace("model_provider_routes:", `${refused}\n${away}\nmodel_provider_routes:\n  "slow-*": [away, openai]`);
  gateway = await startGateway({ config });
  ({ key } = await gateway.createKey("alice"));
});
after(async () => {
  for (const silence of silences.values()) silence.end();
  await gateway.stop();
  await mock.close();
  refusing.closeAllConnections();
  refusing.close();
  await deaf.close();
});

/** Sends a request, and resolves when the head of its answer is there. */
function begin(
  dialect: Dialect,
  model: string,
  { text }: Silence,
  { stream = true, path = dialect.path(stream, model) } = {},
): Promise<Begun> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const call = httpRequest(`${gateway.url}${path}`, { method: "POST", headers, agent: false }, (head) => {
      const seen = head.toArray().then((parts: readonly Buffer[]) => {
        const reply = { status: head.statusCode!, headers: head.headers, body: Buffer.concat(parts) };
        return readReply(reply as Parameters<typeof readReply>[0], dialect);
      });
      resolve({ head, seen });
    });
    call.on("error", reject);
    call.end(dialect.body(stream, text, model));
  });
}

const rowOf = async ({ requestId }: Seen): Promise<string> =>
  (await gateway.rows())
    .filter((row) => row.request_id === requestId)
    .map((row) => `${row.attempt} ${row.status} ${row.http_status} ${row.error_code ?? "-"}`)
    .join(", ");

const models = ["gpt-mock", "claude-mock", "gemini-mock", "org/local-model"];

// Each waits for a tick of the gateway's timer, and all can wait for the same one.
describe("an early head", { concurrency: true }, () => {
  test("while every provider is silent, streams of all dialects begin with a keep-alive, and then are as always", async () => {
    const silence = new Silence("all dialects");
    const begun = await Promise.all(dialects.flatMap((dialect) => models.map((model) => begin(dialect, model, silence))));
    for (const { head } of begun) {
      assert.deepEqual(
        [head.statusCode, head.headers["content-type"], head.headers["cache-control"], head.headers["x-tokligence-provider"]],
        [200, "text/event-stream; charset=utf-8", "no-cache", undefined],
      );
      assert.match(String(head.headers["x-request-id"]), /^req_/);
    }
    silence.end();
    for (const { seen } of begun) {
      const { how, body, ...rest } = await seen;
      assert.equal(how, "whole", body.toString());
      assert.equal(await rowOf({ how, body, ...rest }), "1 ok 200 -");
    }
  });

  test("an error that comes after the head is the stream's, in every dialect, and the ledger has it", async () => {
    const silence = new Silence("late errors");
    const begun = await Promise.all(dialects.map((dialect) => begin(dialect, `no-${dialect.id}`, silence)));
    silence.end();
    for (const { seen } of begun) {
      const { how, error, body, ...rest } = await seen;
      assert.equal(how, "broken", body.toString());
      assert.match(error!.message, /slow down/);
      assert.equal(await rowOf({ how, error, body, ...rest }), "1 error 200 rate_limited");
    }
  });

  test("after the head the next provider is still asked, as long as none has content", async () => {
    const silence = new Silence("failover");
    const begun = await Promise.all(dialects.map((dialect) => begin(dialect, "slow-model", silence)));
    silence.end();
    for (const { seen } of begun) {
      const { how, body, ...rest } = await seen;
      assert.equal(how, "whole", body.toString());
      assert.equal(await rowOf({ how, body, ...rest }), "1 error 200 upstream_unreachable, 2 ok 200 -");
    }
  });

  test("Gemini's stream as a JSON array begins with white space, and stays JSON with its answer and with an error", async () => {
    const gemini = dialects.find(({ id }) => id === "gemini-generate")!;
    const silence = new Silence("JSON array");
    const begun = await Promise.all(
      ["gemini-mock", "gpt-mock", "no-gemini-generate"].map((model) =>
        begin(gemini, model, silence, { path: `/v1beta/models/${model}:streamGenerateContent` }),
      ),
    );
    silence.end();
    const bodies = await Promise.all(begun.map(async ({ seen }) => (await seen).body.toString()));
    for (const { head } of begun) assert.equal(head.headers["content-type"], "application/json");
    for (const body of bodies) assert.match(body, /^\n+\[/);
    const [own, translated, failed] = bodies.map((body) => JSON.parse(body) as Record<string, unknown>[]);
    for (const chunks of [own!, translated!]) assert.ok(chunks.every((chunk) => chunk["candidates"] !== undefined));
    assert.equal((failed!.at(-1)!["error"] as { code: number }).code, 429);
  });

  test("an answer that is no stream keeps its status, however long it takes", async () => {
    const silence = new Silence("no streams");
    let heads = 0;
    const asked = dialects.flatMap((dialect) =>
      ["gpt-mock", `no-${dialect.id}`].map((model) => begin(dialect, model, silence, { stream: false }).finally(() => heads++)),
    );
    // A stream beside them begins: so much time has passed.
    const stream = await begin(dialects[0]!, "gpt-mock", silence);
    assert.equal(heads, 0);
    silence.end();
    const answers = await Promise.all(asked.map(async (begun) => (await begun).seen));
    assert.deepEqual(
      answers.map(({ status, how }) => `${status} ${how}`),
      dialects.flatMap(() => ["200 whole", "429 error"]),
    );
    assert.equal((await stream.seen).how, "whole");
  });

  test("a client that leaves a stream which began early is recorded as gone", async () => {
    const silence = new Silence("the client leaves");
    const { head, seen } = await begin(dialects[0]!, "gpt-mock", silence);
    const requestId = String(head.headers["x-request-id"]);
    head.destroy();
    const sent = mock.requests.find(({ body }) => body.toString().includes(silence.text));
    await Promise.all([seen.catch(() => undefined), sent!.closed]);
    assert.equal(await rowOf({ requestId } as Seen), "1 cancelled 499 client_closed_request");
  });
});
