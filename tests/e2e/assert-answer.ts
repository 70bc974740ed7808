import assert from "node:assert/strict";
import { adminContracts, type OperationContract } from "../../src/server/index.ts";

/** What the contract says of an answer is all of it: nothing is missing, and nothing more is there. */
export function assertAnswer(name: string, answer: unknown): void {
  const { answer: schema }: OperationContract = adminContracts[name as keyof typeof adminContracts];
  assert.deepEqual(schema.parse(answer), answer, name);
}
