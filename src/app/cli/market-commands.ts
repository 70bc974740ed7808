import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { addAutomaticCommands } from "./market-automatic-commands.ts";
import { inviteLines, joinedText, offersText, peersText, shareText, statementsText, statusText, tradesText } from "./market-texts.ts";
import { print } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Output {
  readonly json?: boolean;
}

interface ShareOptions extends Output {
  readonly input: string;
  readonly output: string;
  readonly cacheRead?: string;
  readonly licence?: string;
  readonly contract?: string;
  readonly affirm?: string;
  readonly concurrency?: string;
  readonly limit: string;
  readonly relay?: string;
}

/** `tokligence market …` */
export function addMarketCommands(program: Command, admin: WithAdmin): void {
  const market = program.command("market").description("buy models from other gateways, and share your own").helpCommand(false);
  addSelling(market, admin);
  addBuying(market, admin);
  addStatements(market, admin);
  addPeers(market, admin);
  addRelays(market, admin);
  addAutomaticCommands(market, admin);
}

function addRelays(market: Command, admin: WithAdmin): void {
  const relay = market.command("relay").description("be called through another gateway, without an address of your own").helpCommand(false);
  relay
    .command("use")
    .description("keep connections to a relay, through which others call this gateway")
    .argument("<name>", "a gateway or an exchange that you have joined, and that forwards calls")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: Output) => {
      const used = await admin((call) => call("market.relays.use", { body: { name } }));
      print(
        json === true,
        used,
        () => `Others reach this gateway through ${used.name}, at ${used.url ?? "an address that is not known yet"}.`,
      );
    });
  relay
    .command("drop")
    .description("end the connections to a relay")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: Output) => {
      const gone = await admin((call) => call("market.relays.drop", { param: name }));
      print(json === true, gone, () => `Nobody reaches this gateway through ${gone.name} any more.`);
    });
}

function addSelling(market: Command, admin: WithAdmin): void {
  market
    .command("share")
    .description("share a model, and print an invite for one other gateway")
    .argument("<model>", "a model of a server of your own")
    .option("--input <usd>", "credits a million tokens of the prompt; one is counted as one US dollar", "0")
    .option("--output <usd>", "credits a million tokens of the answer", "0")
    .option("--cache-read <usd>", "of cached tokens of the prompt; as --input if omitted")
    .option("--licence <spdx>", "the model's licence, as in Apache-2.0")
    .option("--contract <reference>", "the contract that allows to resell a vendor's API")
    .option("--affirm <what>", "same-organisation: sell a vendor's API to nobody outside, over the exchange of your organisation")
    .option("--concurrency <requests>", "requests that its server bears at a time, yours and others'; 3 if omitted")
    .option("--limit <credits>", "what the other gateway may owe", "5")
    .option("--relay <name>", "be called through this gateway or exchange, as yours has no address of its own")
    .option("--json", "print JSON")
    .action(async (model: string, { json, cacheRead, limit, relay, ...options }: ShareOptions) => {
      const { input, output, licence, contract, affirm, concurrency } = options;
      const body = {
        model,
        input,
        output,
        ...(cacheRead === undefined ? {} : { cache_read: cacheRead }),
        ...(licence === undefined ? {} : { licence }),
        ...(contract === undefined ? {} : { contract }),
        ...affirmed(affirm),
        ...(concurrency === undefined ? {} : { concurrency: wholeNumber("--concurrency", concurrency) }),
      };
      const made = await admin(async (call) => {
        if (relay !== undefined) await call("market.relays.use", { body: { name: relay } });
        return { share: await call("market.share", { body }), ...(await call("market.invite", { body: { limit } })) };
      });
      print(json === true, made, () => shareText(made.share, made));
    });
  addPausing(market, admin);
}

function addPausing(market: Command, admin: WithAdmin): void {
  market
    .command("unshare")
    .description("share a model no more")
    .argument("<model>")
    .option("--json", "print JSON")
    .action(async (model: string, { json }: Output) => {
      const gone = await admin((call) => call("market.unshare", { param: model }));
      print(json === true, gone, () => `${gone.model} is not shared any more.`);
    });
  market
    .command("invite")
    .description("print an invite for one other gateway")
    .option("--limit <credits>", "what it may owe", "5")
    .option("--json", "print JSON")
    .action(async ({ json, limit }: Output & { readonly limit: string }) => {
      const made = await admin((call) => call("market.invite", { body: { limit } }));
      print(json === true, made, () => inviteLines(made).join("\n"));
    });
  for (const [name, paused] of [
    ["pause", true],
    ["resume", false],
  ] as const) {
    market
      .command(name)
      .description(paused ? "take no requests of other gateways for now" : "take requests of other gateways again")
      .option("--json", "print JSON")
      .action(async ({ json }: Output) => {
        const status = await admin((call) => call("market.pause", { body: { paused } }));
        print(json === true, status, () => statusText(status));
      });
  }
}

function addBuying(market: Command, admin: WithAdmin): void {
  market
    .command("join")
    .description("take an invite")
    .argument("<invite>", "the word that `tokligence market share` printed")
    .option("--name <name>", "what you call the other gateway; its own name if omitted")
    .option("--yes", "do not ask")
    .option("--json", "print JSON")
    .action(async (invite: string, { json, name, yes }: Output & { readonly name?: string; readonly yes?: boolean }) => {
      const { readInvite } = await import("../../market/index.ts");
      const { urls, node, isExchange } = readInvite(invite);
      if (yes !== true && !(await isAgreed(urls, node, isExchange))) throw new Error("Nothing was done.");
      const peer = await admin((call) => call("market.join", { body: { invite, ...(name === undefined ? {} : { name }) } }));
      print(json === true, peer, () => joinedText(peer));
    });
  market
    .command("offers")
    .description("what other gateways sell now")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { data } = await admin((call) => call("market.offers"));
      print(json === true, { data }, () => offersText(data));
    });
  market
    .command("trades")
    .description("the last requests that were bought and sold")
    .option("--limit <rows>", "at most 1000", "50")
    .option("--json", "print JSON")
    .action(async ({ json, limit }: Output & { readonly limit: string }) => {
      const { data } = await admin((call) => call("market.trades", { query: { limit } }));
      print(json === true, { data }, () => tradesText(data));
    });
}

function addStatements(market: Command, admin: WithAdmin): void {
  market
    .command("statement")
    .description("check what others state of your account, and your own books")
    .argument("[name]", "of one gateway; all if omitted")
    .option("--verify", "hash all entries anew, from the first one")
    .option("--json", "print JSON")
    .action(async (name: string | undefined, { json, verify }: Output & { readonly verify?: boolean }) => {
      const query = { ...(name === undefined ? {} : { name }), ...(verify === true ? { verify: "true" as const } : {}) };
      const { data } = await admin((call) => call("market.statements", { query }));
      print(json === true, { data }, () => statementsText(data));
      // A script needs to see it.
      if (data.some(({ state }) => state === "wrong")) process.exitCode = 1;
    });
}

function addPeers(market: Command, admin: WithAdmin): void {
  market
    .command("status")
    .description("what is shared, earned, spent and reserved")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const status = await admin((call) => call("market.status"));
      print(json === true, status, () => statusText(status));
    });
  const peer = market.command("peer").description("the gateways that you trade with").helpCommand(false);
  const change = (name: string, what: string, bodyOf: (value: string) => { limit?: string; credit?: string }): void => {
    peer
      .command(name)
      .description(what)
      .argument("<name>")
      .argument("<credits>")
      .option("--json", "print JSON")
      .action(async (reference: string, value: string, { json }: Output) => {
        const changed = await admin((call) => call("market.peers.update", { param: reference, body: bodyOf(value) }));
        print(json === true, changed, () => peersText([changed]));
      });
  };
  change("limit", "what it may owe", (limit) => ({ limit }));
  change("credit", "book what it has paid back outside of the market", (credit) => ({ credit }));
  for (const [name, blocked] of [
    ["block", true],
    ["unblock", false],
  ] as const) {
    peer
      .command(name)
      .description(blocked ? "sell it nothing, and buy nothing from it" : "trade with it again")
      .argument("<name>")
      .option("--json", "print JSON")
      .action(async (reference: string, { json }: Output) => {
        const changed = await admin((call) => call("market.peers.update", { param: reference, body: { blocked } }));
        print(json === true, changed, () => peersText([changed]));
      });
  }
  market
    .command("leave")
    .description("trade with a gateway no more")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (reference: string, { json }: Output) => {
      const gone = await admin((call) => call("market.leave", { param: reference }));
      print(json === true, gone, () => `You do not trade with ${gone.name} any more.`);
    });
}

function affirmed(text: string | undefined): { affirm?: "same-organisation" } {
  if (text === undefined) return {};
  if (text === "same-organisation") return { affirm: text };
  throw new Error(`--affirm takes same-organisation, not "${text}".`);
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option} must be a whole number from 1 up, not "${text}".`);
}

async function isAgreed(urls: readonly string[], node: string, isExchange: boolean): Promise<boolean> {
  const lines = [
    `This invite is of the ${isExchange ? "exchange" : "gateway"} ${node.slice(0, 16)}… at ${urls.join(", ")}.`,
    ...(isExchange ? exchangeLines : gatewayLines),
  ];
  if (!process.stdin.isTTY) throw new Error(`${lines.join("\n")}\nGive --yes to join.`);
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test(await ask.question(`${lines.join("\n")}\nJoin? [y/N] `));
  } finally {
    ask.close();
  }
}

const exchangeLines = [
  "It will know: this gateway's name and address, what it sells, whom it buys from, and what that costs.",
  "It cannot read requests and answers. The sellers that you buy from read your requests in clear.",
  "Requests go there only if they name a model of it (@NAME/MODEL) and their API key has --market any.",
];

const gatewayLines = [
  "It will know: this gateway's name and address, and what you send to its models, in clear.",
  "Nobody between you and it can read that. Requests go to it only if they name a model of it (@NAME/MODEL).",
];
