import { silentLogger } from "../core/index.ts";
import { createBuyerProcesses } from "./buy/buyer-processes.ts";
import { createLeasePool, type LeasePool } from "./buy/lease-pool.ts";
import { createOpenLeases } from "./buy/open-leases.ts";
import { buyerKey, randomOf, sellerKey, type DeskScene } from "./desk-testing.ts";
import { createAvoided } from "./peers/avoided.ts";

/** The buyer's processes on the database of a scene: which of them run is the test's to say. */
export class BuyersMachine {
  readonly running = new Set<number>();
  #pids = 0;

  /** A process that is started, beside those that run. */
  start(scene: DeskScene, machine = "rig"): LeasePool {
    const pid = ++this.#pids;
    this.running.add(pid);
    scene.nowMs += 1;
    const identity = { machine, pid, isRunning: (other: number) => this.running.has(other) };
    return createLeasePool({
      calls: scene.calls(),
      key: () => buyerKey,
      clock: scene.clock,
      logger: silentLogger,
      random: randomOf,
      hold: () => 1_000_000n,
      ttlMs: () => 300_000,
      avoided: createAvoided(scene.store, scene.clock),
      openLeases: createOpenLeases(scene.store),
      processes: createBuyerProcesses({ store: scene.store, clock: scene.clock, identity }),
      clearingProblem: () => undefined,
      sellerOf: (node) => (node === sellerKey.id ? scene.seller() : undefined),
    });
  }

  /** All processes are killed, and a new one is started. */
  restart(scene: DeskScene): LeasePool {
    this.running.clear();
    return this.start(scene);
  }
}
