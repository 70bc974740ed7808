import type { AdminClient } from "../../server/index.ts";

/** Runs with the admin API of the running daemon, or of the database itself if none runs, and closes it. */
export type WithAdmin = <T>(run: (call: AdminClient) => Promise<T>) => Promise<T>;
