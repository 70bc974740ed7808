/** The library: users, keys and usage, the server in a process of its own or in another program, and its configuration. */
export { GatewayError, type ErrorCode, type ErrorKind, type MarketScope } from "../core/index.ts";
export type { ApiKey, NewApiKey, Role, User } from "../accounts/index.ts";
export type { UsageReport } from "../ledger/index.ts";
export type { FetchCaller, FetchHandler } from "../server/index.ts";
export { Config, ConfigError, loadConfig, type Origin, type Problem, type SettingPath } from "./config/index.ts";
export { AdminApi } from "./library/admin-api.ts";
export type { AuditEntry, AuditProof, AuditReport, Limit, LimitChanges } from "./library/answers.ts";
export { Daemon, type DaemonOptions, type DaemonState } from "./library/daemon.ts";
export { createGateway, type EmbeddedGateway, type EmbeddedOptions, type NodeHandler } from "./library/embedded.ts";
export { Gateway, type GatewayOptions } from "./library/gateway.ts";
