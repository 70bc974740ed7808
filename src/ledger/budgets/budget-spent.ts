import { sql, type Kysely, type RawBuilder } from "kysely";
import { compileGlob } from "../../core/index.ts";
import { readKeyDescendants, type Store, type Tables } from "../../store/index.ts";
import { ceilingCost, chargeOfRow, type RowCharging } from "./budget-ceiling.ts";
import { correctionStep } from "../entries/usage-row.ts";
import type { Budget } from "./budget-types.ts";

/** The ledger, read in a transaction. */
export interface LedgerReading {
  readonly db: Kysely<Tables>;
  readonly dialect: Store["dialect"];
}

/**
 * The ledger's sum since a time of what a budget counts: that of a user, of a key and all keys made with it, of a tag that an admin bound, of a provider or of the
 * models of a pattern. Entries without a price count as they are settled, unless a correction has given them one.
 */
export async function spentSince(ledger: LedgerReading, budget: Budget, startMs: number, charging: RowCharging): Promise<bigint> {
  const counted = await countedBy(ledger, budget, startMs, charging.isAlias);
  const entries = ledger.db.selectFrom("usage_entries").where("time_ms", ">=", startMs).where(counted);
  const plain = sql<boolean>`not ${mayHaveBound} and ${isUnpriced}`;
  const row = await entries
    .select([
      sql<bigint | null>`cast(sum(cost_nano_usd) as bigint)`.as("cost_nano_usd"),
      sql<number | null>`cast(sum(case when ${plain} then input_tokens end) as bigint)`.as("input"),
      sql<number | null>`cast(sum(case when ${plain} then output_tokens end) as bigint)`.as("output"),
    ])
    .executeTakeFirstOrThrow();
  let spent = (row.cost_nano_usd ?? 0n) + ceilingCost(charging.ceiling, row.input ?? 0, row.output ?? 0);
  const bounded = entries.selectAll().where(mayHaveBound).where(isUnpriced).orderBy("time_ms").orderBy("request_id").orderBy("attempt");
  for (let offset = 0; ; offset += pageRows) {
    const page = await bounded.limit(pageRows).offset(offset).execute();
    for (const each of page) spent += chargeOfRow(each, charging) ?? 0n;
    if (page.length < pageRows) return spent;
  }
}

const pageRows = 1000;

/** The condition for the entries that a budget counts. */
async function countedBy(
  { db, dialect }: LedgerReading,
  budget: Budget,
  startMs: number,
  isAlias: RowCharging["isAlias"],
): Promise<RawBuilder<boolean>> {
  const { subject, subjectId } = budget;
  switch (subject) {
    case "user":
      return sql`user_id = ${subjectId}`;
    case "key":
      return sql`key_id in (${sql.join([subjectId, ...(await readKeyDescendants(db, subjectId))])})`;
    case "provider":
      return sql`provider = ${subjectId}`;
    case "tag":
      return dialect === "sqlite"
        ? sql`bound_tags > 0 and exists (select 1 from json_each(tags) as bound where bound.key < bound_tags and bound.value = ${subjectId})`
        : sql`bound_tags > 0 and exists (
            select 1 from jsonb_array_elements_text(tags::jsonb) with ordinality as bound(tag, place)
            where bound.place <= bound_tags and bound.tag = ${subjectId})`;
    case "model": {
      const models = await modelsSince(db, startMs);
      const glob = compileGlob(subjectId);
      const counted = models.filter(
        ({ provider, model, asked }) =>
          glob.matches(model) || glob.matches(`${provider}/${model}`) || (isAlias?.(asked) === true && glob.matches(asked)),
      );
      if (counted.length === 0) return sql`1 = 0`;
      return sql`(${sql.join(
        counted.map(({ provider, model, asked }) => sql`(provider = ${provider} and ${rowModel} = ${model} and model_asked = ${asked})`),
        sql` or `,
      )})`;
    }
  }
}

/** The provider's name of an entry's model. */
const rowModel = sql<string>`coalesce(upstream_model, model_asked)`;

/** A database takes a limited number of values in a statement. It is far above what an installation uses in a period. */
const maxModels = 5000;

interface UsedModel {
  readonly provider: string;
  /** The provider's name. */
  readonly model: string;
  /** The client's name. */
  readonly asked: string;
}

/** The models that were used, at each provider. */
async function modelsSince(db: Kysely<Tables>, startMs: number): Promise<readonly UsedModel[]> {
  return await db
    .selectFrom("usage_entries")
    .select(["provider", rowModel.as("model"), "model_asked as asked"])
    .distinct()
    .where("time_ms", ">=", startMs)
    .where("provider", "<>", "")
    .limit(maxModels)
    .execute();
}

/** Of an entry without a cost: its class of service or its speed is why, and the price of the standard one bounds it. Earlier versions have the class in the snapshot. */
const mayHaveBound = sql<boolean>`(service_class is not null or units is not null or price_snapshot is not null)`;

/** Of an entry: it has no cost, and no correction. One of those is at the entry's own time. */
const isUnpriced = sql<boolean>`cost_nano_usd is null and not exists (
  select 1 from usage_entries as correction
  where correction.request_id = usage_entries.request_id and correction.time_ms = usage_entries.time_ms and correction.direction = 'correct'
  and correction.attempt % ${sql.lit(correctionStep)} = usage_entries.attempt
)`;
