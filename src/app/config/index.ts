export { Config, loadConfig, type SettingPath } from "./config.ts";
export { initConfig, type InitInput, type InitResult } from "./init.ts";
export { loadSettings, type LoadedSettings, type LoadInput } from "./load.ts";
export { locateDatabase } from "./locate-database.ts";
export { ConfigError, type Origin, type Problem } from "../../settings/index.ts";
export type * from "./settings.ts";
export type { DetectedServer } from "./template.ts";
export { watchSettings, type SettingsWatch, type WatchInput } from "./watch.ts";
