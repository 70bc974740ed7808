import type { Command } from "commander";
import { arbitrageText, explanationText, policiesText, soldText } from "./market-automatic-texts.ts";
import { print } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Output {
  readonly json?: boolean;
}

interface PolicyOptions extends Output {
  readonly maxPrice?: string;
  readonly minSaving?: string;
}

const policyNames = ["off", "prefer", "spill", "cheaper"] as const;

/** `tokligence market buy …` and `tokligence market explain` */
export function addAutomaticCommands(market: Command, admin: WithAdmin): void {
  const buy = market.command("buy").description("when models are bought from other gateways").helpCommand(false);
  buy
    .command("policy")
    .description("show the policies, or set that of a model")
    .argument("[model]", "a model of this gateway; * for all others")
    .argument("[policy]", "off, prefer (first), spill (when there is no room here), cheaper; default: as the configuration says")
    .option("--max-price <credits>", "no rate of an offer may be above it, a million tokens")
    .option("--min-saving <percent>", "what cheaper must save, as in 15%")
    .option("--json", "print JSON")
    .action(async (model: string | undefined, policy: string | undefined, { json, maxPrice, minSaving }: PolicyOptions) => {
      if (model === undefined || policy === undefined) {
        const { data } = await admin((call) => call("market.policies"));
        const shown = model === undefined ? data : data.filter((one) => one.model === model);
        print(json === true, { data: shown }, () => policiesText(shown));
        return;
      }
      if (policy === "default") {
        const gone = await admin((call) => call("market.policies.remove", { param: model }));
        print(json === true, gone, () => `What the configuration says of ${gone.model} is in force again.`);
        return;
      }
      const body = {
        model,
        policy: knownPolicy(policy),
        ...(maxPrice === undefined ? {} : { max_price: maxPrice }),
        ...(minSaving === undefined ? {} : { min_saving: percentOf("--min-saving", minSaving) }),
      };
      const set = await admin((call) => call("market.policies.set", { body }));
      print(json === true, set, () => policiesText([set]));
    });
  addSell(market, admin);
  addArbitrage(market, admin);
  market
    .command("explain")
    .description("where requests for a model would go, and why models are sold or not")
    .argument("[model]", "all that have a policy or are shared if omitted")
    .option("--json", "print JSON")
    .action(async (model: string | undefined, { json }: Output) => {
      const found = await admin((call) => call("market.explain", { query: model === undefined ? {} : { model } }));
      print(json === true, found, () => explanationText(found));
    });
}

interface SellOptions extends Output {
  readonly rule?: string;
  readonly share?: string;
  readonly floorInput?: string;
  readonly floorOutput?: string;
  readonly hours?: string;
  readonly concurrency?: string;
}

function addSell(market: Command, admin: WithAdmin): void {
  market
    .command("sell")
    .description("change how a shared model is sold")
    .argument("<model>")
    .option("--rule <rule>", "fixed, margin (over what it costs you), follow (below the cheapest offer of others)")
    .option("--share <percent>", "what the margin adds, or what is taken off the cheapest offer, as in 20%")
    .option("--floor-input <credits>", "the least that is asked for a million tokens of the prompt")
    .option("--floor-output <credits>", "the same of the answer")
    .option("--hours <windows>", "when it is sold, in UTC, as in 20:00-07:00,12:00-13:00; always: at all times")
    .option("--concurrency <requests>", "requests that its server bears at a time, yours and others'")
    .option("--json", "print JSON")
    .action(async (model: string, { json, rule, share, floorInput, floorOutput, hours, concurrency }: SellOptions) => {
      const body = {
        ...(rule === undefined ? {} : { rule: knownRule(rule) }),
        ...(share === undefined ? {} : { share: percentOf("--share", share) }),
        ...(floorInput === undefined ? {} : { floor_input: floorInput }),
        ...(floorOutput === undefined ? {} : { floor_output: floorOutput }),
        ...(hours === undefined ? {} : { hours: hours === "always" ? [] : hours.split(",").map((window) => window.trim()) }),
        ...(concurrency === undefined ? {} : { concurrency: Number(concurrency) }),
      };
      const changed = await admin((call) => call("market.sell", { param: model, body }));
      print(json === true, changed, () => soldText(changed));
    });
}

interface ArbitrageOptions extends Output {
  readonly minSaving?: string;
  readonly share?: string;
}

function addArbitrage(market: Command, admin: WithAdmin): void {
  market
    .command("arbitrage")
    .description("buy a shared model where that is cheaper, and sell what its own server has to spare")
    .argument("[model]", "all that are shared if omitted")
    .argument("[state]", "on or off")
    .option("--min-saving <percent>", "what buying must save, as in 15%")
    .option("--share <percent>", "what is asked less than the cheapest offer of others, as in 1%; never less than the own cost")
    .option("--json", "print JSON")
    .action(async (model: string | undefined, state: string | undefined, { json, minSaving, share }: ArbitrageOptions) => {
      if (model === undefined || state === undefined) {
        const { data } = await admin((call) => call("market.arbitrage", { query: model === undefined ? {} : { model } }));
        print(json === true, { data }, () => arbitrageText(data));
        return;
      }
      if (state !== "on" && state !== "off") throw new Error(`Arbitrage is on or off, not "${state}".`);
      const body = {
        model,
        on: state === "on",
        ...(minSaving === undefined ? {} : { min_saving: percentOf("--min-saving", minSaving) }),
        ...(share === undefined ? {} : { share: percentOf("--share", share) }),
      };
      const set = await admin((call) => call("market.arbitrage.set", { body }));
      print(json === true, set, () => arbitrageText([set]));
    });
}

function knownRule(text: string): "fixed" | "margin" | "follow" {
  if (text === "fixed" || text === "margin" || text === "follow") return text;
  throw new Error(`--rule takes fixed, margin or follow, not "${text}".`);
}

function knownPolicy(text: string): (typeof policyNames)[number] {
  const found = policyNames.find((name) => name === text);
  if (found === undefined) throw new Error(`A policy is ${policyNames.join(", ")} or default, not "${text}".`);
  return found;
}

function percentOf(option: string, text: string): number {
  const [, digits] = /^(\d{1,4}(?:\.\d{1,2})?)%$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`${option} takes a share as in 15%, not "${text}".`);
  return Number(digits) / 100;
}
