export { createAccessLog, type LineSink } from "./access-log.ts";
export * from "./admin/index.ts";
export { createEdge, localPrincipal, type Edge, type EdgeDeps, type EdgeSettings } from "./edge.ts";
export { healthRoutes, type HealthDeps } from "./health-routes.ts";
export { metricsRoute } from "./metrics-route.ts";
export { addSnapshots, RequestMetrics, type MetricsSnapshot } from "./metrics.ts";
export { modelRoutes } from "./model-routes.ts";
export { createRouteTable, type Access, type Route, type RouteContext, type RouteTable } from "./route-table.ts";
