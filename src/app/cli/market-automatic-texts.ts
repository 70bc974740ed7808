import type { OperationAnswer } from "../../server/index.ts";
import { table, terminalWidth, wrapped } from "./output.ts";

type Policies = OperationAnswer<"market.policies">["data"];
type Explanation = OperationAnswer<"market.explain">;

export function policiesText(policies: Policies): string {
  if (policies.length === 0) return "No model is bought by a policy.\nNext: tokligence market buy policy MODEL spill";
  return table(
    ["MODEL", "POLICY", "MAX CREDITS/M", "MUST SAVE", "SET BY"],
    policies.map(({ model, policy, max_price: price, min_saving: saving, source }) => [
      model,
      policy,
      price,
      policy === "cheaper" ? `${Number((saving * 100).toFixed(2))}%` : null,
      source,
    ]),
  );
}

export function soldText({ model, input_usd: input, output_usd: output, rule, hours, free }: OperationAnswer<"market.sell">): string {
  const when = hours.length === 0 ? "at all times" : `at ${hours.join(", ")} UTC`;
  const how = { margin: " (a margin over its cost)", follow: " (below the cheapest offer of others)" }[rule] ?? "";
  return folded(
    `${model} is sold ${when} for ${input} credits a million tokens in, ${output} out${how}; ${free} more requests would be taken now.`,
  );
}

export function explanationText({ buying, selling, spent_today_credits: spent, per_day_credits: most }: Explanation): string {
  if (buying.length === 0 && selling.length === 0) {
    return "No model has a policy for buying, and none is shared.\nNext: tokligence market buy policy MODEL spill, or tokligence market share MODEL";
  }
  const limit = most === null ? "" : ` of ${most}`;
  return [...buying.map(buyingText), ...selling.map(({ summary }) => folded(summary)), `Spent today: ${spent}${limit} credits.`].join(
    "\n\n",
  );
}

export function arbitrageText(states: OperationAnswer<"market.arbitrage">["data"]): string {
  if (states.length === 0) return "No model is shared, so nothing can be sold.\nNext: tokligence market share MODEL";
  const rows = states.map(({ model, on, own_cost: cost, ask, cheapest, own_expected_usd: own }) => [
    model,
    on ? "on" : "off",
    cost === null ? null : `${cost.input_usd} / ${cost.output_usd}`,
    `${ask.input_usd} / ${ask.output_usd}`,
    own,
    cheapest === null ? null : `${cheapest.expected_usd} ${cheapest.seller}`,
  ]);
  return [
    table(["MODEL", "STATE", "COST/M IN/OUT", "ASK/M IN/OUT", "A REQUEST HERE", "BOUGHT"], rows),
    "",
    ...states.map(({ summary }) => folded(summary)),
  ].join("\n");
}

function buyingText({ summary, own, offers }: Explanation["buying"][number]): string {
  const rows = [
    ...own.map(({ provider, model, ready, reason, cost_usd: cost }) => [
      `${provider}/${model}`,
      cost,
      null,
      null,
      ready ? "own, ready" : `own: ${reason ?? "left alone"}`,
    ]),
    ...offers.map((offer) => [
      `${offer.seller}/${offer.model}`,
      offer.expected_usd,
      offer.free,
      offer.score,
      offer.reason ?? "may be asked",
    ]),
  ];
  if (rows.length === 0) return folded(summary);
  const seen = offers.flatMap(({ seller, model, seen: evidence }) => {
    const parts = seenParts(evidence);
    return parts.length === 0 ? [] : [folded(`${seller}/${model}: ${parts.join("; ")}.`)];
  });
  const shown = `${folded(summary)}\n\n${table(["TARGET", "EXPECTED CREDITS", "FREE", "SCORE", "STATE"], rows)}`;
  return seen.length === 0 ? shown : `${shown}\n\n${seen.join("\n")}`;
}

/** What a score is made of. */
function seenParts({
  answered,
  failed,
  probes_right: right,
  probes_wrong: wrong,
  alike,
  compared,
}: Explanation["buying"][number]["offers"][number]["seen"]): string[] {
  const parts: string[] = [];
  if (answered + failed > 0) parts.push(`${answered} of ${answered + failed} requests answered`);
  if (right + wrong > 0) parts.push(`${right} of ${right + wrong} probes right`);
  if (compared > 0) parts.push(`${alike} of ${compared} answers begin as those of another seller`);
  return parts;
}

function folded(text: string): string {
  return wrapped(text, terminalWidth()).join("\n");
}
