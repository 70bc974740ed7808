import type { Market } from "../../../src/market/index.ts";
import type { Plant } from "./node.ts";

/** Methods of a part of a market that a plant replaces: its objects are the program's own. */
function replace<T extends object, K extends keyof T>(part: T, name: K, by: (original: T[K]) => T[K]): void {
  const own = part[name];
  const original = (typeof own === "function" ? (own as (...args: unknown[]) => unknown).bind(part) : own) as T[K];
  Object.defineProperty(part, name, { value: by(original), configurable: true });
}

const clearing = (change: (part: Market["clearing"]) => void): Plant => ({
  install: ({ clearing: part }) => {
    change(part);
  },
});

/** A fault of each kind: a simulation that does not find them is of no use. */
export const plantedFaults: Readonly<Record<string, Plant>> = {
  "disk: a row of the seller's evidence is lost": { dropsRow: (table) => table === "market_sales" },
  "disk: a purchase is not stored": {
    install: ({ trades }) => {
      replace(trades, "add", () => () => Promise.resolve());
    },
  },
  "books: a settlement charges a nano more than was sold": clearing((part) => {
    replace(
      part,
      "settle",
      (settle) => (operation, texts) => settle({ ...operation, cum: operation.cum + 1n, acked: operation.acked + 1n }, texts),
    );
  }),
  "time: what is due is never ended": clearing((part) => {
    replace(part, "sweep", () => () => Promise.resolve(0));
  }),
  "crash: a lease of before the crash is forgotten": clearing((part) => {
    const own = new Set<string>();
    replace(part, "open", (open) => (lease) => {
      own.add(lease.id);
      return open(lease);
    });
    replace(part, "settle", (settle) => (operation, texts) => (own.has(operation.id) ? settle(operation, texts) : Promise.resolve("same")));
  }),
  "network: what is repeated is done again": clearing((part) => {
    let times = 0;
    replace(part, "open", (open) => (lease) => open({ ...lease, id: `${lease.id}${++times}` }));
  }),
  "statements: a balance is not that of the entries": {
    install: ({ api }) => {
      replace(api, "statement", (statement) => (owner) => statement(owner === api.node ? owner : api.node));
    },
  },
};
