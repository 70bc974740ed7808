import assert from "node:assert/strict";
import { it } from "node:test";
import { GatewayError, parseSubject } from "../../core/index.ts";
import type { Budget, BudgetPeriod } from "./budget-types.ts";
import type { Budgets } from "./budgets.ts";
import { noon, onEachStore, refusal, usd, type World } from "./testing.ts";

const openai = { provider: "openai", upstreamModel: "gpt-5" };
const anthropic = { provider: "anthropic", upstreamModel: "claude-opus-5" };
type Target = typeof openai;

async function setStop(
  { admin, budgets }: World,
  text: string,
  stop: string,
  more: { period?: BudgetPeriod; timeZone?: string } = {},
): Promise<void> {
  const { kind, name } = parseSubject(text);
  const { period = "month", ...zone } = more;
  await admin.set({ subject: kind, subjectId: text.startsWith("usr_") ? text : name, period, stopNanoUsd: usd(stop), ...zone });
  await budgets.refresh();
}

/** Reserves for a request of usr_1 with the tag team:search that may go to these targets, and what it may cost at each. */
async function reserve(budgets: Budgets, requestId: string, costs: readonly (readonly [Target, string])[]): Promise<void> {
  const ofCaller = budgets.of({ userId: "usr_1", keyId: "key_1", boundTags: ["team:search"] }) ?? [];
  const parts = new Map<Budget, bigint>();
  for (const [{ provider, upstreamModel }, cost] of costs) {
    for (const budget of budgets.ofTarget({ provider, upstreamModel }) ?? []) {
      if ((parts.get(budget) ?? 0n) < usd(cost)) parts.set(budget, usd(cost));
    }
  }
  const amountNanoUsd = costs.map(([, cost]) => usd(cost)).reduce((most, cost) => (cost > most ? cost : most));
  await budgets.reserve({ requestId, amountNanoUsd, budgets: [...ofCaller, ...parts.keys()], partOf: (budget) => parts.get(budget) });
}

/** Spent and reserved of each budget, by its subject. */
async function sums({ admin }: World): Promise<Record<string, string>> {
  return Object.fromEntries((await admin.list()).map(({ subject, spent_usd, held_usd }) => [subject, `${spent_usd} ${held_usd}`]));
}

const rowOf = (requestId: string, { provider, upstreamModel }: Target, cost: string): object => ({
  request_id: requestId,
  provider,
  model_asked: "smart",
  upstream_model: upstreamModel,
  tags: '["team:search","team:ads"]',
  bound_tags: 1,
  cost_nano_usd: usd(cost),
});

onEachStore("budgets of tags, models and providers", (withBudgets) => {
  it("each counts what is its own: the part of its target is reserved, and the target that answered is charged", () =>
    withBudgets(async (world) => {
      const { budgets, ingest } = world;
      for (const subject of [
        "usr_1",
        "tag:team:search",
        "tag:team:ads",
        "provider:openai",
        "provider:anthropic",
        "model:gpt-*",
        "model:anthropic/*",
      ]) {
        await setStop(world, subject, "10");
      }
      await reserve(budgets, "req_1", [
        [openai, "1"],
        [anthropic, "3"],
      ]);
      const others = { "tag:team:ads": "0 0" };
      assert.deepEqual(await sums(world), {
        usr_1: "0 3",
        "tag:team:search": "0 3",
        "provider:openai": "0 1",
        "provider:anthropic": "0 3",
        "model:gpt-*": "0 1",
        "model:anthropic/*": "0 3",
        ...others,
      });
      // The first target failed, and the second answered: what the first had reserved is free before the row is written, if somebody needs it.
      budgets.finished("req_1", usd("2"), anthropic);
      await reserve(budgets, "req_2", [[openai, "10"]]).catch(() => undefined);
      await ingest({ ...rowOf("req_1", openai, "0"), status: "error" }, { ...rowOf("req_1", anthropic, "2"), attempt: 2 });
      const charged = {
        usr_1: "2 0",
        "tag:team:search": "2 0",
        "provider:openai": "0 0",
        "provider:anthropic": "2 0",
        "model:gpt-*": "0 0",
        "model:anthropic/*": "2 0",
        ...others,
      };
      assert.deepEqual(await sums(world), charged);
      // A budget that is set later begins with the same sums.
      const { admin } = world;
      for (const { id } of await admin.list()) await admin.remove(id);
      for (const subject of Object.keys(charged)) await setStop(world, subject, "10");
      assert.deepEqual(await sums(world), charged);
    }));

  it("the tightest of several refuses, and the others get back what they gave", () =>
    withBudgets(async (world) => {
      for (const [subject, stop] of [
        ["usr_1", "10"],
        ["tag:team:search", "5"],
        ["model:gpt-5", "2"],
      ] as const) {
        await setStop(world, subject, stop);
      }
      const { message } = await refusal(reserve(world.budgets, "req_1", [[openai, "3"]]));
      assert.match(message, /^The month's budget of model:gpt-5 has no room: this request may cost up to 3 US dollars\. Ask for fewer/);
      const tag = await refusal(reserve(world.budgets, "req_2", [[anthropic, "6"]]));
      assert.match(tag.message, /^The month's budget of tag:team:search is 5 US dollars: 0 are spent, 0 are reserved/);
      assert.deepEqual(await sums(world), { usr_1: "0 0", "tag:team:search": "0 0", "model:gpt-5": "0 0" });
    }));

  it("of 200 requests at once on nested budgets, two processes admit what the tightest allows", () =>
    withBudgets(async (world) => {
      for (const [subject, stop] of [
        ["usr_1", "30"],
        ["tag:team:search", "20"],
        ["provider:openai", "10"],
        ["model:*", "25"],
      ] as const) {
        await setStop(world, subject, stop);
      }
      const other = await world.another();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 200 }, (_, i) =>
          reserve(i % 2 === 0 ? world.budgets : other, `req_${i}`, [[i % 4 < 2 ? openai : anthropic, "1"]]),
        ),
      );
      const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
      for (const failure of failures) assert.ok(failure instanceof GatewayError && failure.code === "budget_exceeded", String(failure));
      assert.equal(failures.length, 180);
      const all = await sums(world);
      assert.deepEqual([all["usr_1"], all["tag:team:search"], all["model:*"]], ["0 20", "0 20", "0 20"]);
      assert.ok(Number(all["provider:openai"]!.split(" ")[1]) <= 10, String(all["provider:openai"]));
    }));

  it("a budget has days of its own time zone", () =>
    withBudgets(async (world) => {
      const { admin, ingest } = world;
      await setStop(world, "provider:openai", "10", { period: "day", timeZone: "America/New_York" });
      await setStop(world, "tag:team:search", "10", { period: "day" });
      // 23:30 of the day before in New York.
      await ingest({ ...rowOf("req_1", openai, "4"), time_ms: noon - 7.5 * 3_600_000 });
      await ingest(rowOf("req_2", openai, "1"));
      const shown = (await admin.list()).map(({ subject, spent_usd, time_zone, period_start }) => [
        subject,
        spent_usd,
        time_zone,
        period_start,
      ]);
      assert.deepEqual(shown, [
        ["provider:openai", "1", "America/New_York", "2026-11-23T05:00:00.000Z"],
        ["tag:team:search", "5", "UTC", "2026-11-23T00:00:00.000Z"],
      ]);
      const [changed] = [await admin.set({ subject: "provider", subjectId: "openai", period: "day", timeZone: null })];
      assert.deepEqual([changed.spent_usd, changed.time_zone, changed.stop_usd], ["5", "UTC", "10"]);
    }));
});
