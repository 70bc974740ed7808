import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Env } from "./expand-text.ts";

/** The user's home folder; "" if there is none, as for a uid without an entry in passwd and without HOME. */
export function findHomeFolder(): string {
  try {
    return homedir();
  } catch {
    return "";
  }
}

/** `~/.config/tokligence`, or below `XDG_CONFIG_HOME` where that is set (XDG Base Directory Specification 0.8: relative ones are ignored). `undefined`: there is no home folder. */
export function defaultConfigFolder(env: Env, homeDir: string): string | undefined {
  const xdg = env["XDG_CONFIG_HOME"];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "tokligence");
  return homeDir === "" ? undefined : join(homeDir, ".config", "tokligence");
}
