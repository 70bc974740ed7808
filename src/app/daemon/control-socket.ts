import { chmodSync, rmSync } from "node:fs";
import { adminRoutes, createEdge, createRouteTable, localPrincipal, type Edge } from "../../server/index.ts";
import type { Gateway } from "../compose/compose-gateway.ts";
import type { Log } from "../logging/log.ts";
import type { RuntimePaths } from "../paths.ts";

/** The admin API on a socket that only this user can open, so every caller is the operator. */
export async function openControlSocket(gateway: Gateway, log: Log, paths: RuntimePaths): Promise<Edge> {
  const edge = createEdge({
    ...gateway.edgeDeps,
    routes: createRouteTable(adminRoutes(gateway.operations, "socket")),
    trusted: localPrincipal,
    logger: log.logger,
  });
  if (process.platform !== "win32") rmSync(paths.socket, { force: true });
  const previous = process.umask(0o177);
  try {
    await edge.listenPath(paths.socket);
  } finally {
    process.umask(previous);
  }
  if (process.platform !== "win32") chmodSync(paths.socket, 0o600);
  return edge;
}
