import type { Kysely } from "kysely";
import type { Tables } from "../tables.ts";
import type { SqlValue, Store } from "../types.ts";
import type { StoredStatus } from "./response-chain.ts";
import { proofColumns, proofRow } from "./kept-proofs.ts";
import type { ResponseBody, ResponseOwner } from "./response.ts";

/**
 * A change of stored responses and proofs, as the journal records it until the database has it. Writing a change twice has the same effect as writing
 * it once.
 */
export type KeptChange =
  | {
      readonly kind: "insert";
      readonly owner: ResponseOwner;
      /** Milliseconds since 1970. */
      readonly createdMs: number;
      readonly unbilled: boolean;
      /** The parts that the gateway stores; `null` if the provider stores the response. */
      readonly body: ResponseBody | null;
    }
  /** Ends a response that is in progress. */
  | { readonly kind: "conclude"; readonly id: string; readonly status: Exclude<StoredStatus, "in_progress">; readonly response: string }
  /** A sealed proof of reasoning beside the id of a tool call. */
  | { readonly kind: "proof"; readonly userId: string; readonly callId: string; readonly sealed: string; readonly createdMs: number };

const columns = [
  "id",
  "user_id",
  "provider",
  "provider_key",
  "model",
  "created_ms",
  "unbilled",
  "status",
  "background",
  "previous_id",
  "touched_ms",
  "size_chars",
  "input",
  "response",
  "placeholders",
] as const;

/** Writes changes, in their order, within the transaction. The first insert of an id, and the first proof of a call, is kept. */
export async function writeKeptChanges(
  store: Pick<Store, "insertRows">,
  transaction: Kysely<Tables>,
  changes: readonly KeptChange[],
): Promise<void> {
  const rows = changes.flatMap((change) => (change.kind === "insert" ? [rowOf(change)] : []));
  const proofs = changes.flatMap((change) => (change.kind === "proof" ? [proofRow(change)] : []));
  await store.insertRows("stored_responses", columns, rows, transaction);
  await store.insertRows("kept_proofs", proofColumns, proofs, transaction);
  for (const change of changes) if (change.kind === "conclude") await concludeResponse(transaction, change);
}

/** The change without the character NUL, which neither PostgreSQL nor the journal accepts in a text. Usually the change itself. */
export function storableChange(change: KeptChange): KeptChange {
  switch (change.kind) {
    case "conclude":
      return withoutNul(change);
    case "proof":
      return withoutNul(change);
    case "insert": {
      const owner = withoutNul(change.owner);
      const body = change.body === null ? null : withoutNul(change.body);
      return owner === change.owner && body === change.body ? change : { ...change, owner, body };
    }
  }
}

function withoutNul<Fields extends object>(fields: Fields): Fields {
  const isClean = Object.values(fields).every((value: unknown) => typeof value !== "string" || !value.includes("\0"));
  if (isClean) return fields;
  const clean = Object.entries(fields).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === "string" ? value.replaceAll("\0", "\uFFFD") : value,
  ]);
  return Object.fromEntries(clean) as Fields;
}

/** About how many characters a change has: the memory that it takes. */
export function sizeOfChange(change: KeptChange): number {
  if (change.kind === "conclude") return change.response.length + 200;
  if (change.kind === "proof") return change.sealed.length + change.callId.length + 200;
  return (change.body === null ? 0 : change.body.input.length + change.body.response.length) + 500;
}

/** @returns false if the response has ended already, or was deleted: then nothing has changed. */
export async function concludeResponse(
  db: Kysely<Tables>,
  { id, status, response }: { readonly id: string; readonly status: StoredStatus; readonly response: string },
): Promise<boolean> {
  const done = await db
    .updateTable("stored_responses")
    .set((eb) => ({ status, response, size_chars: eb(eb.fn<number>("length", ["input"]), "+", response.length) }))
    .where("id", "=", id)
    .where("status", "=", "in_progress")
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
}

function rowOf({ owner, createdMs, unbilled, body }: Extract<KeptChange, { kind: "insert" }>): readonly SqlValue[] {
  const head = [owner.id, owner.userId, owner.provider, owner.providerKey, owner.model, createdMs, unbilled ? 1 : 0];
  const placeholders = owner.placeholders ?? null;
  if (body === null) return [...head, null, 0, null, null, null, null, null, placeholders];
  const { status, background, previousId, input, response } = body;
  return [
    ...head,
    status,
    background ? 1 : 0,
    previousId ?? null,
    createdMs,
    input.length + response.length,
    input,
    response,
    placeholders,
  ];
}
