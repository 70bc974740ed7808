import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";

/** Functions of SQL that SQLite lacks, for one connection. `sha256(BYTES)`: the hash of a blob, as hex. */
export function addFunctions(database: DatabaseSync): void {
  database.function("sha256", { deterministic: true, directOnly: true }, (value) => {
    if (!(value instanceof Uint8Array)) throw new TypeError("sha256 hashes a blob.");
    return hash("sha256", value);
  });
}
