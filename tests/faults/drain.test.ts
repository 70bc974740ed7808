import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { announcementsOver } from "../e2e/both-ways.ts";
import type { RawReply } from "../e2e/raw-http.ts";
import type { TestGateway } from "../e2e/harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Dialect } from "./dialects.ts";
import { dialects } from "./dialects.ts";
import { readReply } from "./observe.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/**
 * The state of a request when the grace of a shutdown is over: its body comes still; nothing of the answer is there; half of its JSON, or the opening of its
 * stream, is at the gateway; the stream's head had to go out without content; content has gone out.
 */
type Moment = "body" | "json" | "half-json" | "stream" | "opening" | "late" | "content";

const troubleAt: Readonly<Record<Moment, number | "headers">> = {
  body: "headers",
  json: "headers",
  "half-json": 2,
  stream: "headers",
  opening: 0,
  late: 0,
  content: 2,
};
const isStreamed = (moment: Moment): boolean => !["body", "json", "half-json"].includes(moment);
/** The client has the head of its stream. */
const hasBegun = (moment: Moment): boolean => moment === "late" || moment === "content";

/** Added to the monotonic time. */
let lateMs = 0;
let mock: MockUpstream;
let gateway: TestGateway;
let key: string;
before(async () => {
  mock = await createMockUpstream({
    validate: false,
    apiKeys: Object.values(providerKeys),
    choose: ({ body }) => ({
      text: ["one ", "two ", "three"],
      trouble: { kind: "hang", afterPieces: troubleAt[/moment: ([a-z-]+)/.exec(body.toString())![1] as Moment] },
    }),
  });
  gateway = await startGateway({
    config: withMockUpstream(mock.url),
    clock: { now: () => Date.now(), monotonic: () => performance.now() + lateMs },
  });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  ({ key } = await gateway.createKey("alice"));
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

interface Begun {
  /** The first bytes of the answer's body have come. */
  readonly heard: Promise<void>;
  readonly reply: Promise<RawReply>;
}

/** Sends a request; at the moment `body` all but its last byte. */
function begin(dialect: Dialect, moment: Moment, model?: string): Begun {
  const stream = isStreamed(moment);
  const body = Buffer.from(dialect.body(stream, `moment: ${moment}`, model));
  const heard = Promise.withResolvers<void>();
  const reply = new Promise<RawReply>((resolve, reject) => {
    const sent = httpRequest(`${gateway.url}${dialect.path(stream, model)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": body.length },
      agent: false,
    });
    sent.on("error", reject);
    sent.on("response", (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => {
        parts.push(part);
        heard.resolve();
      });
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, rawHeaders: answer.rawHeaders, body: Buffer.concat(parts) });
      });
    });
    if (moment === "body") sent.write(body.subarray(0, -1));
    else sent.end(body);
  });
  // Awaited when all have begun.
  reply.catch(() => undefined);
  return { heard: heard.promise, reply };
}

test("when the grace of a shutdown is over, every request that is left gets an error in its dialect, and its row", async () => {
  const under: { readonly name: string; readonly dialect: Dialect; readonly moment: Moment; readonly begun: Begun }[] = [];
  const begun = (moment: Moment): Promise<unknown> =>
    Promise.all(under.filter((one) => one.moment === moment).map((one) => one.begun.heard));
  const streams = (count: number): Promise<boolean> =>
    waitUntil(`${count} streams are open`, () => gateway.gateway.metrics().gauges["active_streams"] === count);
  const add = (moment: Moment): void => {
    for (const dialect of dialects) {
      under.push({ name: `${dialect.id} ${moment}`, dialect, moment, begun: begin(dialect, moment) });
      const foreign = dialect.model === "claude-mock" ? "gpt-mock" : "claude-mock";
      under.push({ name: `${dialect.id} translated ${moment}`, dialect, moment, begun: begin(dialect, moment, foreign) });
    }
  };
  const each = dialects.length * 2;
  add("late");
  await streams(each);
  lateMs += 11_000;
  await begun("late");
  for (const moment of ["body", "half-json", "json", "stream", "opening", "content"] as const) add(moment);
  await mock.waitForRequests(under.length - each);
  await begun("content");
  await streams(3 * each);
  await gateway.drain(0);

  const message = "The gateway is shutting down. Send the request again.";
  const rows = await gateway.sql(
    "select request_id, status, http_status, error_code, usage_source, input_tokens, output_tokens from usage_entries",
  );
  for (const { name, dialect, moment, begun: request } of under) {
    const seen = readReply(await request.reply, dialect);
    const isStream = hasBegun(moment);
    assert.deepEqual([seen.how, seen.status, seen.error?.message], [isStream ? "broken" : "error", isStream ? 200 : 503, message], name);
    const { request_id: _, ...row } = rows.find(({ request_id: id }) => id === seen.requestId) ?? {};
    const { status, http_status, error_code, usage_source, input_tokens, output_tokens } = row;
    assert.deepEqual(
      { status, http_status, error_code },
      { status: moment === "body" ? "refused" : "interrupted", http_status: isStream ? 200 : 503, error_code: "shutting_down" },
      name,
    );
    if (moment === "body") assert.deepEqual([usage_source, input_tokens, output_tokens], ["none", null, null], name);
    else {
      // Anthropic reports the prompt's tokens as its stream opens.
      assert.ok(usage_source === "estimated" || (isStream && usage_source === "reported"), name);
      assert.ok(Number(input_tokens) > 0, name);
      assert.ok(moment === "content" ? Number(output_tokens) >= 1 : Number(output_tokens) <= 1, name);
    }
  }
  assert.equal(rows.length, under.length);
  await Promise.all(mock.requests.map(({ closed }) => closed));
  assert.ok(!/failed inside the gateway|that was not open/.test(await gateway.logText()));
});
