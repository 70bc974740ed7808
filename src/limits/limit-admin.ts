import { GatewayError, printSubject, type Clock, type Subject } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { limitKinds, mostOfLimit, type LimitKind } from "../settings/index.ts";
import { limitsOfRow, readLimitRows } from "./limit-rows.ts";
import type { SubjectLimits } from "./limit-table.ts";

/** A kind that is absent stays unchanged; `null` removes it. */
export type LimitChanges = { readonly [K in LimitKind]?: number | null | undefined };

/** Management of limits. Users and keys are named by their ids. */
export interface LimitAdmin {
  /** Sets limits of a subject, or changes them. @throws GatewayError `invalid_request` if it would have none. */
  set(subject: Subject, changes: LimitChanges): Promise<SubjectLimits>;
  list(): Promise<readonly SubjectLimits[]>;
  /** Removes all limits of a subject. @throws GatewayError `not_found`. */
  remove(subject: Subject): Promise<SubjectLimits>;
}

export function createLimitAdmin({ store, clock }: { readonly store: Store; readonly clock: Clock }): LimitAdmin {
  return {
    async set(subject, changes) {
      const given = givenOf(changes);
      return await store.db.transaction().execute(async (transaction) => {
        const none = Object.fromEntries(limitKinds.map((kind) => [kind, null])) as Record<LimitKind, null>;
        const row = await transaction
          .insertInto("limits")
          .values({ ...none, ...given, subject: subject.kind, subject_id: subject.name, created_ms: clock.now() })
          .onConflict((conflict) => conflict.columns(["subject", "subject_id"]).doUpdateSet(given))
          .returningAll()
          .executeTakeFirstOrThrow();
        const set = limitsOfRow(row);
        if (Object.keys(set.values).length === 0) {
          throw new GatewayError("invalid_request", `This takes the last limit of ${printSubject(subject)}: remove it instead.`);
        }
        await store.bumpRevision(transaction);
        return set;
      });
    },
    list: () => readLimitRows(store.db),
    async remove(subject) {
      return await store.db.transaction().execute(async (transaction) => {
        const row = await transaction
          .deleteFrom("limits")
          .where("subject", "=", subject.kind)
          .where("subject_id", "=", subject.name)
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) {
          throw new GatewayError("not_found", `${printSubject(subject)} has no limits. \`tokligence limit list\` shows all.`, {
            param: "subject",
          });
        }
        await store.bumpRevision(transaction);
        return limitsOfRow(row);
      });
    },
  };
}

function givenOf(changes: LimitChanges): { readonly [K in LimitKind]?: number | null } {
  const given = Object.fromEntries(limitKinds.flatMap((kind) => (changes[kind] === undefined ? [] : [[kind, changes[kind]]])));
  if (Object.keys(given).length === 0) {
    throw new GatewayError("invalid_request", `Give at least one of ${limitKinds.join(", ")}.`, { param: limitKinds[0] });
  }
  for (const [kind, amount] of Object.entries(given)) {
    if (amount === null || (Number.isInteger(amount) && amount >= 1 && amount <= mostOfLimit)) continue;
    throw new GatewayError("invalid_request", `"${kind}" must be a whole number from 1 to ${mostOfLimit}, or null for no limit.`, {
      param: kind,
    });
  }
  return given;
}
