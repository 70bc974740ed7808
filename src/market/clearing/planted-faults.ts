import { accountIn, applyOperation, type ClearingOperation } from "./engine.ts";

type Engine = typeof applyOperation;

/** The engine on another operation than the one that was asked for. */
const on =
  (change: (operation: ClearingOperation) => ClearingOperation): Engine =>
  (state, operation, now) =>
    applyOperation(state, change(operation), now);

/** Engines that are wrong in one way each: a comparison that does not find them is of no use. */
export const plantedFaults: Readonly<Record<string, Engine>> = {
  "reserves a nano more": on((operation) => (operation.kind === "open" ? { ...operation, hold: operation.hold + 1n } : operation)),
  "charges past the ceiling": on((operation) =>
    operation.kind === "settle" ? { ...operation, ceiling: operation.ceiling + 1n } : operation,
  ),
  "takes what is not acknowledged as agreed": on((operation) =>
    operation.kind === "settle" ? { ...operation, acked: operation.cum } : operation,
  ),
  "acknowledges a nano more": on((operation) => (operation.kind === "ack" ? { ...operation, acked: operation.acked + 1n } : operation)),
  "lets silence refuse": on((operation) => (operation.kind === "tick" ? { kind: "resume", gap: 1_000_000 } : operation)),
  "ends windows late": on((operation) => (operation.kind === "settle" ? { ...operation, window: operation.window + 1 } : operation)),
  "does not move deadlines": on((operation) => (operation.kind === "resume" ? { ...operation, gap: 0 } : operation)),
  "takes another fee": on((operation) => (operation.kind === "open" ? { ...operation, feePpm: operation.feePpm + 1_000n } : operation)),
  "decides for the other side": on((operation) =>
    operation.kind === "contest" && operation.judged !== undefined
      ? { ...operation, judged: operation.judged.map((one) => ({ ...one, isRight: !one.isRight })) }
      : operation,
  ),
  "settles twice": (state, operation, now) => {
    const lease = operation.kind === "settle" ? state.leases.get(operation.id) : undefined;
    if (lease?.state === "settled" && lease.charged > 0n) {
      accountIn(state, lease.buyer).balance -= lease.charged;
      accountIn(state, lease.seller).balance += lease.charged;
    }
    return applyOperation(state, operation, now);
  },
  "gives the odd nano to the seller": (state, operation, now) => {
    const lease = operation.kind === "contest" ? state.leases.get(operation.id) : undefined;
    const isOdd = lease?.state === "window" && lease.deadline > now && lease.contested % 2n === 1n;
    const outcome = applyOperation(state, operation, now);
    if (lease !== undefined && isOdd) {
      accountIn(state, lease.buyer).balance -= 1n;
      accountIn(state, lease.seller).balance += 1n;
    }
    return outcome;
  },
};
