import { documentText } from "../documents/document.ts";
import { MarketRefusal } from "../refusal.ts";
import type { NodeApi } from "./node-api.ts";

/** A GET of a node's interface. */
export interface NodeGet {
  /** Without the prefix and the query. */
  readonly path: string;
  /** As it was signed: with both. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

/** @returns JSON. @throws MarketRefusal */
export async function answerGet(api: NodeApi, { path, url, query, authorization }: NodeGet): Promise<string> {
  if (path === "/node") return documentText(await api.document());
  const node = await api.caller(authorization, url);
  const after = Number(query.get("after") ?? "0");
  if (!Number.isSafeInteger(after) || after < 0) throw new MarketRefusal("bad_document", "`after` must be a number.");
  if (path === "/book" && query.has("after")) return await api.exchange.book(node, after, query.get("model") ?? undefined);
  if (path === "/book") return await api.book(node);
  if (path === "/statement") return documentText(await api.statement(node));
  if (path === "/entries") return await api.entries(node, after);
  const lease = /^\/leases\/(lse_[0-9a-f]{32})\/receipts$/.exec(path)?.[1];
  if (lease === undefined) throw noSuchPath();
  return JSON.stringify({ receipts: (await api.seller.receipts(lease, after, node)).map((text) => JSON.parse(text) as unknown) });
}

/** @returns JSON. @throws MarketRefusal */
export async function answerPost({ seller, exchange, join, node }: NodeApi, path: string, text: string): Promise<string> {
  if (path === "/join") return await join(text);
  if (path === "/offers") return await exchange.offers(text);
  if (path === "/leases") return await (exchange.isStarted && isOfOther(text, node) ? exchange.lease(text) : seller.lease(text));
  const [, lease, action] = /^\/leases\/(lse_[0-9a-f]{32})\/(ack|contest|settle|open)$/.exec(path) ?? [];
  if (lease === undefined) throw noSuchPath();
  if (await exchange.has(lease)) {
    if (action === "settle") return await exchange.settle(lease, text);
    if (action === "open") return await exchange.open(lease, text);
    return action === "ack" ? await exchange.acknowledge(lease, text) : await exchange.contest(lease, text);
  }
  // Between peers there is nobody who could decide.
  if (action === "settle" || action === "open") throw noSuchPath();
  return action === "ack" ? await seller.close(lease, text) : await seller.contest(lease, text);
}

/** A lease request for an offer of another node: this one is asked as an exchange. What is wrong with it is said later. */
function isOfOther(text: string, node: string): boolean {
  try {
    const { body } = JSON.parse(text) as { readonly body?: { readonly seller?: unknown } };
    return typeof body?.seller === "string" && body.seller !== node;
  } catch {
    return false;
  }
}

export function noSuchPath(): MarketRefusal {
  return new MarketRefusal("not_found", "There is no such path.");
}
