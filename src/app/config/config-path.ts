import { isAbsolute, join } from "node:path";
import type { Env } from "./expand.ts";

/** `~/.config/tokligence`, or below `XDG_CONFIG_HOME` where that is set (XDG Base Directory Specification 0.8: relative ones are ignored). */
export function defaultConfigFolder(env: Env, homeDir: string): string {
  const xdg = env["XDG_CONFIG_HOME"];
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeDir, ".config"), "tokligence");
}

export function defaultConfigPath(env: Env, homeDir: string): string {
  return join(defaultConfigFolder(env, homeDir), "config.yaml");
}
