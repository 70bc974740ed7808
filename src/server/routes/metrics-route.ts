import type { Route } from "../route-table.ts";
import { createMetricsRenderer } from "../observe/metrics-text.ts";
import type { MetricsSnapshot } from "../observe/metrics.ts";

/** `/metrics`, from the counters of all processes. */
export function metricsRoute(collect: () => MetricsSnapshot | Promise<MetricsSnapshot>): Route {
  const render = createMetricsRenderer();
  return {
    method: "GET",
    path: "/metrics",
    access: "loopback-or-admin",
    dialect: "openai-chat",
    async handle(exchange) {
      const { contentType, body } = await render(await collect());
      exchange.json(200, ["content-type", contentType], body);
    },
  };
}
