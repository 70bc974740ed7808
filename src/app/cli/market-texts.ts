import type { OperationAnswer } from "../../server/index.ts";
import { shortTime, table, terminalWidth, wrapped } from "./output.ts";

export type Peer = OperationAnswer<"market.join">;
export type Status = OperationAnswer<"market.status">;
export type Share = OperationAnswer<"market.share">;
type Statements = OperationAnswer<"market.statements">["data"];

export function shareText(share: Share, made: { readonly invite: string; readonly reach: string; readonly limit_credits: string }): string {
  const price = `${share.input_usd} credits a million tokens in, ${share.output_usd} out`;
  return [`${share.model} of ${share.provider} is shared: ${price}.`, "", ...inviteLines(made)].join("\n");
}

export function inviteLines({
  invite,
  reach,
  limit_credits: limit,
}: {
  readonly invite: string;
  readonly reach: string;
  readonly limit_credits: string;
}): string[] {
  const isRelayed = /\/market\/v1\/relay\//.test(reach);
  const isLocal = !isRelayed && /^https?:\/\/(?:127\.|localhost|\[::1\])/.test(reach);
  return [
    `Others reach this gateway ${isRelayed ? `through the relay at ${new URL(reach).origin}` : `at ${reach}`}.${isLocal ? " That is only this machine:\nset market.listen and market.reach for others." : ""}`,
    `The invite is for one gateway, which may owe ${limit} credits, and ends in seven\ndays. On that gateway:`,
    "",
    `  tokligence market join ${invite}`,
  ];
}

export function joinedText(peer: Peer): string {
  return [
    `You trade with ${peer.name} now, up to ${peer.limit_credits} credits.`,
    "Next: tokligence market offers, then name a model as @NAME/MODEL in any client.",
  ].join("\n");
}

export function offersText(data: OperationAnswer<"market.offers">["data"]): string {
  if (data.length === 0) return "Nobody sells anything now. tokligence market status says whom you trade with.";
  return table(
    ["MODEL", "CREDITS/M IN", "CREDITS/M OUT", "FREE", "CONTEXT", { title: "LICENCE", optional: true }],
    data.map((offer) => [offer.model, offer.input_usd, offer.output_usd, offer.free, offer.context, offer.licence]),
  );
}

export function tradesText(data: OperationAnswer<"market.trades">["data"]): string {
  if (data.length === 0) return "Nothing was bought or sold yet.";
  return table(
    ["TIME", "", "GATEWAY", "MODEL", "CREDITS", "STATE"],
    data.map((trade) => [shortTime(trade.time), trade.direction, trade.peer, trade.model, trade.credits, trade.state]),
  );
}

export function peersText(peers: readonly Peer[]): string {
  const rows = table(
    ["GATEWAY", "LIMIT", "OWES YOU", "RESERVED", "YOU OWE", { title: "RESERVED THERE", optional: true }, "STATE"],
    peers.map((peer) => [
      peer.name,
      peer.limit_credits,
      owed(peer.balance_credits),
      peer.reserved_credits,
      peer.own_balance_credits === null ? null : owed(peer.own_balance_credits),
      peer.own_reserved_credits,
      stateOf(peer),
    ]),
  );
  const problems = peers.flatMap(({ name, problem, blocked }) =>
    problem === null || blocked ? [] : [folded(`${name}: ${sentence(problem)}`)],
  );
  return [rows, ...(problems.length === 0 ? [] : ["", ...problems])].join("\n");
}

function stateOf({ blocked, problem, url }: Peer): string {
  if (blocked) return "blocked";
  if (url === null) return "buys only";
  return problem === null ? "ok" : "problem";
}

/** With one full stop. */
function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function folded(text: string): string {
  return wrapped(text, terminalWidth()).join("\n");
}

/** A balance below 0 is what is owed. */
function owed(balance: string): string {
  return balance.startsWith("-") ? balance.slice(1) : "0";
}

export function statusText(status: Status): string {
  if (status.node === null)
    return "This gateway trades with nobody.\nNext: tokligence market share MODEL, or tokligence market join INVITE";
  const lines = [folded(moneySentence(status)), folded(sellingSentence(status))];
  if (status.shares.length > 0) {
    const rows = status.shares.map((share) => [share.model, share.provider, share.input_usd, share.output_usd, share.concurrency]);
    lines.push("", table(["SHARED MODEL", "PROVIDER", "CREDITS/M IN", "CREDITS/M OUT", "AT A TIME"], rows));
  }
  if (status.relayed.length > 0) {
    const rows = status.relayed.map(({ name, connections, calls }) => [name, connections, calls]);
    lines.push("", table(["SELLS THROUGH THIS GATEWAY", "CONNECTIONS", "CALLS NOW"], rows));
  }
  if (status.peers.length > 0) lines.push("", peersText(status.peers));
  return lines.join("\n");
}

/** `Earned 0.5 credits, spent 1.2, and 0.02 are reserved at others until 17:04.` */
function moneySentence({
  earned_credits: earned,
  spent_credits: spent,
  reserved_credits: reserved,
  reserved_until: until,
}: Status): string {
  const held =
    reserved === "0" ? "nothing is reserved" : `${reserved} are reserved at others${until === null ? "" : ` until ${shortTime(until)}`}`;
  return `Earned ${earned} credits, spent ${spent}, and ${held}.`;
}

function sellingSentence({ shares, paused, reach, relays, peers }: Status): string {
  if (shares.length === 0) return "Nothing is sold, as no model is shared: tokligence market share MODEL.";
  if (paused) return "Nothing is sold, as selling is paused: tokligence market resume.";
  if (reach === null) return `Nothing is sold, as ${unreachable(relays)}`;
  if (peers.every(({ blocked }) => blocked)) return "Nothing is sold, as no other gateway has joined: tokligence market invite.";
  const where = placeOf(reach, relays);
  if (shares.every(({ free }) => free === 0)) return `Selling ${where}, but all places are taken at the moment.`;
  return `Selling ${where}.`;
}

function unreachable(relays: Status["relays"]): string {
  const [relay] = relays;
  if (relay === undefined) return "the market's address could not be opened; the log says why.";
  return `the relay ${relay.name} is not connected: ${sentence(relay.problem ?? "it is asked again and again")}`;
}

/** `at http://…`, or `and reachable through relay plaza (2 connections)`. */
function placeOf(reach: string, relays: Status["relays"]): string {
  const used = relays.find(({ url }) => url !== null && reach.startsWith(`${url}/`));
  if (used === undefined) return `at ${reach}`;
  return `and reachable through relay ${used.name} (${used.connections === 1 ? "1 connection" : `${used.connections} connections`})`;
}

export function statementsText(data: Statements): string {
  if (data.length === 0) return "This gateway has no account at another one, and no other one has an account here.";
  const rows = data.map((one) => [
    one.owner === undefined ? `yours at ${one.clearing}` : `${one.owner}'s here`,
    one.entries,
    one.balance_credits,
    one.reserved_credits,
    one.limit_credits,
    stateTexts[one.state],
  ]);
  return [table(["ACCOUNT", "ENTRIES", "BALANCE", "RESERVED", "LIMIT", "STATE"], rows), "", ...data.map(statementLine)].join("\n");
}

const stateTexts = { right: "right", wrong: "WRONG", unknown: "not known" } as const;

function statementLine({ clearing, owner, entries, checked_entries: checked, problem, state }: Statements[number]): string {
  const whose = owner === undefined ? `Your account at ${clearing}` : `${owner}'s account here`;
  if (state === "unknown") return folded(`${clearing} cannot be asked now: ${sentence(problem ?? "")}`);
  if (problem !== null) {
    const stopped = owner === undefined ? `\nNothing is bought from ${clearing}; both documents are kept.` : "";
    return folded(`${whose} is wrong: ${sentence(problem)}`) + stopped;
  }
  if (entries === 0) return `${whose} has no entries.`;
  const count = checked === 1 ? "1 entry was" : `${checked} entries were`;
  return checked === 0 ? `${whose}: nothing new; --verify hashes all entries.` : `${whose}: ${count} hashed, and the head is right.`;
}
