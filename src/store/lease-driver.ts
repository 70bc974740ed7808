import type { DatabaseConnection, Driver, TransactionSettings } from "kysely";

/** The work of a database's driver for one lease: one use of the database, from acquire to release. */
export interface LeaseActions<Lease extends DatabaseConnection> {
  create(): Lease;
  begin(lease: Lease, settings: TransactionSettings): Promise<void>;
  commit(lease: Lease): Promise<void>;
  rollback(lease: Lease): Promise<void>;
  release(lease: Lease): void;
  close(): Promise<void>;
}

/** Kysely's driver over leases. Kysely gives back the connection that it acquired, without our type; the driver knows its own. */
export function createLeaseDriver<Lease extends DatabaseConnection>(actions: LeaseActions<Lease>): Driver {
  const leases = new WeakMap<DatabaseConnection, Lease>();
  const leaseOf = (connection: DatabaseConnection): Lease => {
    const lease = leases.get(connection);
    if (lease === undefined) throw new TypeError("The connection comes from another database.");
    return lease;
  };
  return {
    init: () => Promise.resolve(),
    acquireConnection() {
      const lease = actions.create();
      leases.set(lease, lease);
      return Promise.resolve(lease);
    },
    async beginTransaction(connection, settings) {
      await actions.begin(leaseOf(connection), settings);
    },
    async commitTransaction(connection) {
      await actions.commit(leaseOf(connection));
    },
    async rollbackTransaction(connection) {
      await actions.rollback(leaseOf(connection));
    },
    async releaseConnection(connection) {
      actions.release(leaseOf(connection));
    },
    destroy: () => actions.close(),
  };
}
