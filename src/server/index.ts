export { createAccessLog, type LineSink } from "./observe/access-log.ts";
export * from "./admin/index.ts";
export { createAcceptor, type Acceptor } from "./http/acceptor.ts";
export { checkHost, createEdge, localPrincipal, type Edge, type EdgeDeps, type EdgeSettings } from "./edge.ts";
export { healthRoutes, type HealthDeps } from "./routes/health-routes.ts";
export { metricsRoute } from "./routes/metrics-route.ts";
export { addSnapshots, RequestMetrics, type MetricsSnapshot } from "./observe/metrics.ts";
export { modelRoutes } from "./routes/model-routes.ts";
export { createRouteTable, type Access, type Route, type RouteContext, type RouteTable } from "./route-table.ts";
