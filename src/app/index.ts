/** The library: users, keys and usage, the server, and its configuration, for programs. */
export { GatewayError, type ErrorCode } from "../core/index.ts";
export { Config, ConfigError, loadConfig } from "./config/index.ts";
export { Daemon, type DaemonOptions, type DaemonState } from "./library/daemon.ts";
export { Gateway, type GatewayOptions } from "./library/gateway.ts";
