import assert from "node:assert/strict";
import type { OperationName } from "../../src/server/admin/contracts/index.ts";
import { createAdminClient, type OperationAnswer } from "../../src/server/index.ts";
import { assertAnswer } from "./assert-answer.ts";
import type { TestGateway } from "./harness.ts";

/** A call of the admin API; its answer is what its contract says. */
export async function callAdmin<N extends OperationName>(
  gateway: TestGateway,
  name: N,
  input: Record<string, unknown> = {},
): Promise<OperationAnswer<N>> {
  const send = async (method: string, target: string, body?: unknown): Promise<unknown> => {
    const reply = await fetch(`${gateway.url}${target}`, {
      method,
      headers: { authorization: `Bearer ${gateway.adminKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json: unknown = await reply.json();
    assert.equal(reply.status, 200, JSON.stringify(json));
    return json;
  };
  const answer = await createAdminClient(send)(name, input as never);
  assertAnswer(name, answer);
  return answer;
}
