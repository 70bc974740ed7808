import type { ReliabilityRow } from "./reliability-row.ts";

/** What the market promises. */
export const marketReliabilityRows: readonly ReliabilityRow[] = [
  {
    promise:
      "A million random operations of the clearing do what a plain model does, 50,000 on each database; every rule holds after each, and planted faults are found.",
    test: { long: "market-engine" },
    figures:
      "{memory.operations} in memory, {sqlite.operations} on SQLite, {postgresql.operations} on PostgreSQL; {faults.found} of {faults.planted} faults found",
  },
  {
    promise:
      "Twelve nodes and an exchange, the program's own code, with lost, cut, delayed and repeated calls, partitions, crashes at each statement and wrong clocks, 2,000 seeds: each answered request is in both ledgers once, nothing stays reserved, an honest node loses at most what a cut line has lost, and nobody avoids an honest node.",
    test: { long: "market-simulator" },
    figures:
      "{seeds} seeds: {answered} of {asked} requests answered, {crashes} crashes, {lost} calls lost, {cut} cut, {repeated} repeated; {faults.found} of {faults.planted} planted faults found",
  },
  {
    promise: "A second implementation, in Python, reproduces documents, seals, costs and the clearing: the vectors, and random ones.",
    test: { long: "market-vectors" },
    figures:
      "{vectors.checks} checks of the vectors, {random.checks} of random values; {fuzz.runs} changed documents: {fuzz.accepted} read as they were, {fuzz.refused} refused",
  },
  {
    promise:
      "kill -9 of buyer, seller and exchange, 20 times each, under load, also if the exchange is the relay of a seller that listens on nothing: the sums of all are exact, and statements verify on both sides.",
    test: { long: "market-kill" },
    figures:
      "{kills} kills, {answered} answers, {charged_nano} nano-credits charged on both sides; through a relay: {relayed.kills} kills, {relayed.answered} answers, {relayed.charged_nano} nano-credits",
  },
  {
    promise:
      "One buyer and one seller over loopback, each in a process of its own, at their own address and through a relay: sales a second, what a sale adds to the time of the same request at a direct provider, and memory that stays flat.",
    test: { long: "market-load" },
    figures:
      "sales a second: {direct.per_second} at its own address, {relayed.per_second} through a relay ({provider.per_second} requests at an ordinary provider on the same machine); added, p50: {direct.added_ms_p50} ms ({direct.added_first_byte_ms_p50} to the first byte of a stream), through a relay {relayed.added_ms_p50} ({relayed.added_first_byte_ms_p50}); processor time of a sale: buyer {direct.buyer_cpu_ms} ms, seller {direct.seller_cpu_ms} (ordinary provider: {provider.buyer_cpu_ms} and {provider.seller_cpu_ms}), through a relay {relayed.buyer_cpu_ms}, {relayed.seller_cpu_ms}, and the relay {relayed.relay_cpu_ms}; after {memory.sales} sales resident memory is {memory.seller_growth_mib} MiB more in the seller, {memory.relay_growth_mib} in the relay, {memory.buyer_growth_mib} in the buyer",
  },
];
