import { silentLogger, systemClock } from "../core/index.ts";
import { createLocalProbe, detectLocalServers, type LocalModelServer } from "../upstream/index.ts";
import { initConfig } from "./config/index.ts";

/** The model servers on this machine that answer on their usual ports. */
export async function detectServers(): Promise<readonly LocalModelServer[]> {
  return await detectLocalServers({ probe: createLocalProbe({ clock: systemClock, logger: silentLogger }) });
}

/** Writes a configuration file if there is none yet, with the local servers that answer. */
export async function initWithDetection(path: string | undefined): Promise<ReturnType<typeof initConfig>> {
  return initConfig({ ...(path === undefined ? {} : { path }), detected: await detectServers() });
}
