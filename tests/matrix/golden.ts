import assert from "node:assert/strict";
import { sendRaw } from "../e2e/raw-http.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import type { Ask } from "./ask.ts";
import type { Bench } from "./bench.ts";
import { image, notPossible, scenarios, weather, type Pair } from "./scenarios.ts";

/** The folder of a pair: one file a case with what goes over both wires, for people to read and for a test to compare. */
export function goldenFolder({ client, upstream }: Pair): string {
  return `${import.meta.dirname}/goldens/${client}.${upstream}`;
}

/** The file of a case in its pair's folder: its name in small letters and dashes. */
function fileName(name: string): string {
  return `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.txt`;
}

/** Plays all scenarios of a pair. Each file says what the client sent, what its provider was sent and answered, and what the client got. */
export async function renderGoldens(bench: Bench, pair: Pair): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const { name, ask, answer } of scenarios) {
    if (notPossible[name]?.[pair.client] !== undefined) continue;
    files.set(fileName(name), await renderScenario(bench, pair, name, ask, answer(pair.upstream)));
  }
  const loop = await secondTurn(bench, pair);
  const name = "the results of two calls, one with an image, one an error";
  files.set(fileName(name), await renderScenario(bench, pair, name, loop, { text: ["Take Zürich."] }));
  return files;
}

/** The request that follows on two calls: with what the SDK keeps of the answer that called. */
async function secondTurn(bench: Bench, { client, upstream }: Pair): Promise<Ask> {
  const user = { role: "user", text: "Zürich or Atlantis?" } as const;
  const calls = ["Zürich", "Atlantis"].map((city, index) => ({ id: `call_${index}`, name: weather.name, arguments: { city } }));
  const base: Ask = { system: "Use tools.", tools: [weather], turns: [user], reasoning: true };
  bench.mock.reset();
  bench.mock.enqueue({ reasoning: ["Both."], text: ["I look."], toolCalls: calls });
  const { calls: seen, reply } = await bench.clients[client].run(base, bench.models[upstream], false);
  const [one, two] = seen;
  assert.ok(one !== undefined && two !== undefined);
  const results = [
    { id: one.id, name: one.name, text: "Sunny ✓", image },
    { id: two.id, name: two.name, text: "No such city.", isError: true },
  ];
  return { ...base, turns: [user, { role: "reply", reply }, { role: "tools", results }] };
}

async function renderScenario(bench: Bench, pair: Pair, name: string, ask: Ask, answer: Scenario): Promise<string> {
  const whole = await exchange(bench, pair, false, ask, answer);
  const stream = await exchange(bench, pair, true, ask, answer);
  const lines = [
    `# ${name}`,
    `client asks ${whole.asked}`,
    `provider is sent ${whole.sent}`,
    `provider answers ${whole.answered}`,
    `client gets ${whole.got}`,
    "",
    "provider streams",
    stream.answered,
    "client gets",
    stream.got,
  ];
  return `${lines.join("\n")}\n`;
}

interface Exchange {
  readonly asked: string;
  readonly sent: string;
  readonly answered: string;
  readonly got: string;
}

async function exchange(bench: Bench, pair: Pair, stream: boolean, ask: Ask, answer: Scenario): Promise<Exchange> {
  const { mock } = bench;
  mock.reset();
  mock.enqueue(answer);
  const cell = { client: bench.clients[pair.client], upstream: pair.upstream, stream };
  const show = (body: string): string => (stream ? stable(body).trimEnd() : pretty(stable(body)));
  const reply = await bench.send(cell, ask);
  const request = mock.requests[0]!;
  // The same request once more, straight to the mock, which answers it with the same bytes.
  mock.reset();
  mock.enqueue(answer);
  const direct = await sendRaw(mock.url, { path: request.url, headers: sentHeaders(request), body: request.body });
  const wire = cell.client.wire(ask, bench.models[pair.upstream], stream);
  const dropped = reply.headers["x-tokligence-dropped-params"];
  return {
    asked: `${wire.path}\n${pretty(stable(JSON.stringify(wire.body)))}`,
    sent: `${request.url}\n${pretty(stable(request.body.toString()))}`,
    answered: `${direct.status}\n${show(direct.body.toString())}`,
    got: `${reply.status}${dropped === undefined ? "" : `, dropped: ${String(dropped)}`}\n${show(reply.body.toString())}`,
  };
}

/** What the mock lets a request in by. */
function sentHeaders({ headers }: RecordedRequest): string[] {
  return ["authorization", "x-api-key", "x-goog-api-key", "anthropic-version", "content-type"].flatMap((name) => {
    const value = headers[name];
    return typeof value === "string" ? [name, value] : [];
  });
}

/** Without what differs from run to run: seals, times, and ids of the gateway's own. */
function stable(text: string): string {
  return text
    .replaceAll(/tokligence01[\w+/=-]+/g, "SEALED")
    .replaceAll(/"(created|created_at|completed_at)":\d+/g, '"$1":0')
    .replaceAll(/"createTime":"[^"]*"/g, '"createTime":""')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UUID");
}

/** JSON with a line for each member, all else as it was: numbers and escapes are part of what is compared. */
function pretty(json: string): string {
  let depth = 0;
  const line = (): string => `\n${"  ".repeat(depth)}`;
  return json.trim().replaceAll(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[{]|[\]}]|,|:|\s+|[^\s"[\]{},:]+/g, (token) => {
    if (/^[[{]$/.test(token)) {
      depth += 1;
      return token + line();
    }
    if (/^[\]}]$/.test(token)) {
      depth -= 1;
      return line() + token;
    }
    if (token === ",") return token + line();
    if (token === ":") return ": ";
    return token.trim();
  });
}

/** All pairs that are translated. */
export function foreignPairs(protocols: readonly Protocol[]): Pair[] {
  return protocols.flatMap((client) => protocols.filter((upstream) => upstream !== client).map((upstream): Pair => ({ client, upstream })));
}
