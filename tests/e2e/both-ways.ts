import assert from "node:assert/strict";
import type { UsageRow } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol, Scenario, ScenarioUsage } from "../testbed/scenario.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** What the entries of a comparison must say, where it does not follow from the requests. */
export interface Served {
  readonly dialect: Protocol;
  readonly provider: string;
}

/** What came of a run through the gateway. */
export interface Outcome<T> {
  /** The value, as JSON has it. */
  readonly value: T;
  /** What reached the upstream. */
  readonly requests: readonly RecordedRequest[];
  readonly rows: readonly UsageRow[];
}

/** A gateway before a mock upstream, and an SDK's clients for both. */
export interface BothWays<Client> {
  readonly mock: MockUpstream;
  readonly gateway: TestGateway;
  readonly caller: Caller;
  /** The client that calls the gateway. */
  readonly client: Client;
  /**
   * Runs the same against the upstream itself and through the gateway, each time with the scenarios queued anew, and asserts: the same value; one entry
   * in the ledger for each request that reached the upstream, in that order, with the tokens that the upstream reported, this caller, `served`, and ok.
   */
  compare<T>(served: Served, scenarios: readonly Scenario[], run: (client: Client) => Promise<T>): Promise<Outcome<T>>;
  stop(): Promise<void>;
}

/** @param createClient makes a client of an origin (`http://127.0.0.1:PORT`) and a key. */
export async function startBothWays<Client>(
  vendor: "openai" | "anthropic" | "google",
  createClient: (url: string, key: string) => Client,
): Promise<BothWays<Client>> {
  const mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const gateway = await startGateway({ config: withMockUpstream(mock.url) }).catch(async (error: unknown) => {
    // Else its open port would keep the run from ending.
    await mock.close();
    throw error;
  });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  const caller = await gateway.createKey("alice");
  const direct = createClient(mock.url, providerKeys[vendor]);
  const client = createClient(gateway.url, caller.key);
  return {
    mock,
    gateway,
    caller,
    client,
    async compare(served, scenarios, run) {
      mock.reset();
      mock.enqueue(...scenarios);
      const expected = plain(await run(direct));
      assert.equal(mock.queued, 0, "the scenarios were all played");
      mock.reset();
      mock.enqueue(...scenarios);
      const before = (await gateway.rows()).length;
      const value = plain(await run(client));
      assert.deepEqual(value, expected);
      const rows = (await gateway.rows()).slice(before);
      const { requests } = mock;
      assert.deepEqual(
        rows.map(shownRow),
        requests.map((request) => expectedRow(request, served, caller)),
      );
      return { value, requests: [...requests], rows };
    },
    async stop() {
      await gateway.stop();
      await mock.close();
    },
  };
}

/** Waits until every provider has been asked which models it has, as happens at start, and forgets it. */
export async function announcementsOver(mock: MockUpstream, providers: number): Promise<void> {
  const requests = await mock.waitForRequests(providers);
  await Promise.all(requests.map((request) => request.closed));
  mock.reset();
}

/** What has reached the upstream on behalf of callers: without the listings of models, which the gateway asks for on its own, at any time. */
export function requestsOfCallers({ requests }: MockUpstream): readonly RecordedRequest[] {
  return requests.filter(({ method, route }) => method !== "GET" || route?.name !== "models");
}

function shownRow(row: UsageRow): object {
  return {
    attempt: row.attempt,
    user: row.user_id,
    key: row.key_id,
    dialect: row.dialect,
    provider: row.provider,
    model: row.model_asked,
    served: row.model_served,
    input: row.input_tokens,
    output: row.output_tokens ?? (row.input_tokens === null ? null : 0),
    cached: row.cache_read_tokens ?? 0,
    cacheWrite5m: row.cache_write_5m_tokens ?? 0,
    cacheWrite1h: row.cache_write_1h_tokens ?? 0,
    reasoning: row.reasoning_tokens ?? 0,
    status: row.status,
    http: row.http_status,
    error: row.error_code,
  };
}

function expectedRow(request: RecordedRequest, served: Served, caller: Caller): object {
  const model = modelOf(request);
  const unbilled: Omit<ScenarioUsage, "input" | "output"> = { cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, reasoning: 0 };
  return {
    attempt: 1,
    user: caller.user.id,
    key: caller.keyId,
    ...served,
    model,
    served: model,
    ...(request.reportedUsage ?? { ...unbilled, input: null, output: null }),
    status: "ok",
    http: 200,
    error: null,
  };
}

/** Routes that name a stored response are billed to the model that made it; the tests have one for each protocol. */
function modelOf({ route, body }: RecordedRequest): string | undefined {
  if (route?.vendor === "gemini") return route.target;
  return body.length === 0 ? "gpt-mock" : (JSON.parse(body.toString("utf8")) as { model?: string }).model;
}

/** A value as JSON has it: without classes, without what an SDK adds out of sight. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
