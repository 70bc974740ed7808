import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parseAnswers, RawClient } from "../../src/server/testing.ts";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { smuggledPath, smuggledRequests, type SmuggledRequest } from "./smuggling-requests.ts";

let gateway: TestGateway;
let key: string;
before(async () => {
  gateway = await startGateway({ config: "gateway: { work_mode: auto }\n" });
  ({ key } = await gateway.createKey("alice"));
});
after(() => gateway.stop());

const innocent = "GET /health/live HTTP/1.1\r\nHost: innocent\r\n\r\n";

/** Sends a request and an innocent one behind it, and nothing more. @returns all that the gateway said until it closed the connection. */
async function send({ bytes }: SmuggledRequest): Promise<string> {
  const client = new RawClient({ port: gateway.port });
  client.send(bytes.replace("KEY", key) + innocent);
  client.socket.end();
  const received = await client.ended();
  // The answer to HEAD has the length of a body, and none.
  return bytes.startsWith("HEAD") ? received.replace(/content-length: \d+/, "content-length: 0") : received;
}

/** Another method and an upgrade have statuses of their own; all else is a 400. */
const ownStatuses: ReadonlySet<number> = new Set([400, 405, 426]);

/** In words: `refused`, `served` and `closed` as expected, or what it is else. */
function outcomeOf(received: string): string {
  if (received.includes(smuggledPath)) return `DESYNC: ${received}`;
  const answers = parseAnswers(received);
  const [first, second, ...more] = answers;
  if (first === undefined) return "no answer";
  const isInnocent = second?.status === 200 && second.body.includes('"status"');
  if (more.length === 0 && isInnocent) return "served";
  if (answers.length !== 1) return `${answers.length} answers: ${received}`;
  if (!/\bclose\b/.test(first.headers["connection"] ?? "")) return `open: ${received}`;
  if (first.status < 400 || first.status >= 500) return "closed";
  return ownStatuses.has(first.status) ? "refused" : `status ${first.status}`;
}

test("150 requests that could be read in two ways: each is refused, or has one meaning", async (t) => {
  const outcomes = await Promise.all(smuggledRequests.map(async (request) => [request.name, outcomeOf(await send(request))]));
  assert.deepEqual(
    outcomes,
    smuggledRequests.map(({ name, expected }) => [name, expected]),
  );
  assert.ok(smuggledRequests.length >= 150, `${smuggledRequests.length}`);
  t.diagnostic(`${smuggledRequests.length} requests`);
});
