import { presets, type AnnouncedModels, type Provider } from "../../upstream/index.ts";
import type { RunningDaemon } from "../daemon/run.ts";
import { createFirstAdmin } from "../first-start.ts";
import { hasColours } from "../logging/pretty-line.ts";
import { readVersion } from "../self.ts";
import { terminalWidth } from "./output.ts";
import { colourStart, renderStart } from "./start-text.ts";

/**
 * How the start of a gateway is shown. `background`: in JSON, with the screen in it, for the command that prints both. `json`: without the screen, and
 * without waiting for the providers.
 */
export type StartOutput = "screen" | "json" | "background";

/** The command that prints the screen of a start in the background may have a terminal of any width. */
const backgroundColumns = 80;
/** How long the screen waits for the providers' lists of models. */
const providersMs = 1500;

/** Prints what runs, what is reachable, and a command that gets an answer; at the first start also the one key. */
export async function showStart(daemon: RunningDaemon, configWritten: boolean, output: StartOutput): Promise<{ readonly url: string }> {
  const { gateway, loaded, port } = daemon;
  const key = await createFirstAdmin(gateway.accounts);
  const { host } = loaded.settings.gateway;
  const url = `http://${shownHost(host)}:${port}`;
  if (output !== "json") {
    void gateway.warmUp();
    await waitForListing(gateway.listings(), providersMs);
  }
  const tryModel = gateway.suggestModel(output !== "json");
  const started = { status: "running", pid: process.pid, port, url, config: loaded.path, api_key: key?.key ?? null, try_model: tryModel };
  if (output === "json") {
    process.stdout.write(`${JSON.stringify(started)}\n`);
    void gateway.warmUp();
    return { url };
  }
  const providers = gateway.providers();
  const screen = renderStart(
    {
      version: readVersion(),
      url,
      config: { path: loaded.path, isNew: configWritten },
      database: daemon.paths.database,
      log: daemon.logFile ?? "stderr",
      providers,
      states: gateway.listings()?.snapshot() ?? [],
      unused: unusedVariables(providers, process.env),
      warnings: loaded.warnings,
      key: key?.key,
      authEnabled: loaded.settings.gateway.auth.enabled,
      tryModel,
      help: output === "screen" ? foregroundHelp() : "It runs in the background: `tokligence-daemon status`, `restart` and `stop`.",
      platform: process.platform,
    },
    output === "screen" ? terminalWidth() : backgroundColumns,
  );
  if (output === "screen") printScreen(screen);
  else process.stdout.write(`${JSON.stringify({ ...started, screen })}\n`);
  return { url };
}

/** Prints a start screen, with colours if the terminal has them. */
export function printScreen(screen: string): void {
  process.stdout.write(hasColours(process.stdout) ? colourStart(screen) : screen);
}

/** An address that programs on this machine can call. */
function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

/** Waits until all providers have answered, or the time is over. */
async function waitForListing(listings: AnnouncedModels | undefined, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([listings?.refresh(), late]);
  clearTimeout(timer);
}

/** Keys of vendors that are in the environment while no provider is of that vendor, with the line that uses them. */
export function unusedVariables(providers: readonly Pick<Provider, "name" | "otherNames">[], env: NodeJS.ProcessEnv): string[] {
  const names = new Set(providers.flatMap((provider) => [provider.name, ...(provider.otherNames ?? [])]));
  return presets
    .filter((preset) => !names.has(preset.name))
    .flatMap(({ name, keyEnv, baseUrlExample }) => {
      const variable = keyEnv.find((key) => (env[key] ?? "") !== "");
      if (variable === undefined) return [];
      const setting = baseUrlExample === undefined ? `${name}: {}` : `${name}: { base_url: "…" }`;
      return [`${variable} is set, but unused. Add under providers:  ${setting}`];
    });
}

function foregroundHelp(): string {
  const hasKeys = process.stdin.isTTY && process.stdout.isTTY;
  return `${hasKeys ? "o opens the page, r reloads, q ends, ? helps. " : ""}Ctrl-C ends it.`;
}
