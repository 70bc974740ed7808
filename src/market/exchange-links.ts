import type { Book } from "./buy/book.ts";
import type { NodeCalls } from "./buy/node-calls.ts";
import type { ExchangeLink } from "./sell/seller-deps.ts";

/** The exchanges that this node has joined and reached. */
export function linksOf(book: Pick<Book, "sellers">, calls: Pick<NodeCalls, "post">): readonly ExchangeLink[] {
  const joined = book.sellers().filter(({ peer, node }) => peer.role === "exchange" && node.node === peer.node);
  return joined.map(({ peer, statement, clearingTransport }) => ({
    node: peer.node,
    name: peer.name,
    organisation: peer.organisation,
    balance: BigInt(statement.balance),
    post: (path, text) => calls.post(clearingTransport, path, text),
  }));
}
