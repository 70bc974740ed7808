import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { createFaultServer } from "../testbed/fault-server.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, type TestGateway } from "./harness.ts";
import { sendRaw } from "./raw-http.ts";

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly resourceSpans: readonly ResourceSpans[] };
}

interface ResourceSpans {
  readonly resource: { readonly attributes: readonly Attribute[] };
  readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly WireSpan[] }[];
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code: number; readonly message: string };
}

/** A collector that takes OTLP in JSON, as Langfuse does under `/api/public/otel/v1/traces`. */
const received: Received[] = [];
let answerStatus = 200;
const collector: Server = createServer((request, response) => {
  let text = "";
  request.on("data", (data: Buffer) => (text += data.toString("utf8")));
  request.on("end", () => {
    received.push({ path: request.url ?? "", headers: request.headers, body: JSON.parse(text) as Received["body"] });
    response.writeHead(answerStatus, { "content-type": "application/json" }).end("{}");
  });
});
collector.listen(0, "127.0.0.1");
await once(collector, "listening");
const collectorUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const upstream = await createFaultServer();
after(async () => {
  collector.close();
  collector.closeAllConnections();
  await upstream.close();
});

function countListings(): number {
  return upstream.requests.filter(({ method }) => method === "GET").length;
}

async function start(telemetry: string): Promise<TestGateway> {
  const before = countListings();
  const gateway = await startGateway({
    config: `
telemetry: ${telemetry}
providers:
  one: { protocols: [openai-chat], base_url: "${upstream.url}/v1", api_key: secret-of-one, models: [m] }
  two: { protocols: [openai-chat], base_url: "${upstream.url}/v1", api_key: secret-of-two, models: [m] }
model_provider_routes: { m: [one, two] }
`,
  });
  await waitUntil("both were asked for their models", () => countListings() >= before + 2);
  return gateway;
}

async function ask(gateway: TestGateway, headers: readonly string[] = []): Promise<number> {
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "the canary sings" }] });
  const sent = ["authorization", `Bearer ${gateway.adminKey}`, "content-type", "application/json", ...headers];
  const { status } = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers: sent, body });
  return status;
}

const spansOf = ({ body }: Received): readonly WireSpan[] =>
  body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
const valuesOf = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

test("a request is a span, and each attempt one below it, in the trace of the client; the provider gets the attempt's traceparent", async () => {
  received.length = 0;
  const gateway = await start(`{ otlp: { endpoint: "${collectorUrl}/api/public/otel", headers: { authorization: "Basic cGs6c2s=" } } }`);
  try {
    upstream.use("status-503", "healthy");
    const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const before = upstream.requests.filter(({ method }) => method === "POST").length;
    assert.equal(await ask(gateway, ["traceparent", parent]), 200);
    // Its client wants nothing recorded: that is passed on as it is.
    assert.equal(await ask(gateway, ["traceparent", parent.replace(/01$/, "00")]), 200);
    await gateway.stop();
    const { path, headers, body } = received[0]!;
    assert.deepEqual(
      [path, headers.authorization, headers["content-type"]],
      ["/api/public/otel/v1/traces", "Basic cGs6c2s=", "application/json"],
    );
    assert.equal(valuesOf(body.resourceSpans[0]!.resource.attributes)["service.name"], "tokligence");
    const spans = received.flatMap(spansOf);
    const [failed, served, request] = spans;
    assert.deepEqual(
      spans.map(({ name, kind, traceId, parentSpanId, status }) => [name, kind, traceId, parentSpanId, status?.code]),
      [
        ["chat m", 3, parent.slice(3, 35), request!.spanId, 2],
        ["chat m", 3, parent.slice(3, 35), request!.spanId, undefined],
        ["generate m", 2, parent.slice(3, 35), parent.slice(36, 52), undefined],
      ],
    );
    const posts = upstream.requests.filter(({ method }) => method === "POST").slice(before);
    assert.deepEqual(
      posts.map(({ headers }) => headers["traceparent"]),
      [`00-${failed!.traceId}-${failed!.spanId}-01`, `00-${served!.traceId}-${served!.spanId}-01`, parent.replace(/01$/, "00")],
    );
    const values = valuesOf(served!.attributes);
    assert.deepEqual(
      [
        values["gen_ai.operation.name"],
        values["gen_ai.request.model"],
        values["gen_ai.provider.name"],
        values["server.address"],
        values["tokligence.attempt"],
      ],
      ["chat", "m", values["tokligence.provider"], "127.0.0.1", "2"],
    );
    assert.ok(Number(values["gen_ai.usage.input_tokens"]) > 0 && Number(values["gen_ai.usage.output_tokens"]) > 0);
    const whole = valuesOf(request!.attributes);
    assert.deepEqual(
      [whole["user.id"], whole["tokligence.attempts"], whole["http.response.status_code"]],
      [gateway.admin.user.id, "2", "200"],
    );
    // A sum over all spans counts each token once.
    assert.ok(!Object.keys(whole).some((key) => key.startsWith("gen_ai.")));
    assert.ok(spans.every(({ startTimeUnixNano: began, endTimeUnixNano: ended }) => BigInt(began) <= BigInt(ended) && began.length === 19));
    const text = JSON.stringify(received);
    for (const secret of ["the canary sings", "secret-of", gateway.adminKey]) assert.ok(!text.includes(secret), secret);
  } finally {
    await gateway.stop();
  }
});

test("with telemetry.content the request's span has what was asked and answered", async () => {
  received.length = 0;
  const gateway = await start(`{ otlp: { endpoint: "${collectorUrl}", service_name: mine }, content: true }`);
  upstream.use("healthy");
  assert.equal(await ask(gateway), 200);
  await gateway.stop();
  assert.equal(received[0]!.path, "/v1/traces");
  const request = received.flatMap(spansOf).find(({ kind }) => kind === 2)!;
  const values = valuesOf(request.attributes);
  assert.match(String(values["input.value"]), /the canary sings/);
  assert.ok(JSON.parse(String(values["output.value"])));
});

test("a collector that refuses or is away costs spans and no request; the metrics and the log say so", async () => {
  answerStatus = 500;
  const gateway = await start(`{ otlp: { endpoint: "${collectorUrl}" } }`);
  upstream.use("healthy");
  assert.equal(await ask(gateway), 200);
  await gateway.drain(1000);
  assert.equal(gateway.gateway.metrics().gauges["traces_dropped_total"], 2);
  assert.match(await gateway.logText(), /traces could not be sent to telemetry\.otlp\.endpoint/);
  await gateway.stop();
  answerStatus = 200;
});
