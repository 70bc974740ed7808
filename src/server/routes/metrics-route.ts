import type { Route } from "../route-table.ts";
import { createMetricsRenderer } from "../observe/metrics-text.ts";
import type { MetricsSnapshot } from "../observe/metrics.ts";
import { defaultDialect } from "../../protocols/index.ts";

/** `/metrics`, from the counters of all processes. */
export function metricsRoute(collect: () => MetricsSnapshot | Promise<MetricsSnapshot>): Route {
  const render = createMetricsRenderer();
  return {
    method: "GET",
    path: "/metrics",
    access: "loopback-or-admin",
    dialect: defaultDialect,
    async handle(exchange) {
      const { contentType, body } = await render(await collect());
      exchange.json(200, ["content-type", contentType], body);
    },
  };
}
