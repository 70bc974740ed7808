import { listModels, presets, type Provider } from "../../upstream/index.ts";
import type { RunningDaemon } from "../daemon/run.ts";
import { createFirstAdmin } from "../first-start.ts";
import { readVersion } from "../version.ts";

/** How the start of a gateway is shown. `background`: in JSON, with the screen in it, for the command that prints both. */
export type StartOutput = "screen" | "json" | "background";

/** Prints what runs, what is reachable, and a command that gets an answer; at the first start also the one key. */
export async function showStart(daemon: RunningDaemon, configWritten: boolean, output: StartOutput): Promise<{ readonly url: string }> {
  const { gateway, loaded, port } = daemon;
  const key = await createFirstAdmin(gateway.accounts);
  const { host } = loaded.settings.gateway;
  const url = `http://${nameInUrl(host)}:${port}`;
  const providers = gateway.providers();
  const model = chooseModel(gateway.catalog(), providers);
  const lines = [
    `Tokligence Gateway ${readVersion()} on ${url}`,
    "",
    `  configuration  ${loaded.path}${configWritten ? "  (written now)" : ""}`,
    `  database       ${daemon.paths.database}`,
    `  log            ${daemon.logFile ?? "stderr"}`,
    "",
    "  providers",
    ...providers.map((provider) => `    ${provider.name.padEnd(12)} ${describe(provider)}`),
    "",
  ];
  const unused = unusedVariables(providers, process.env);
  if (unused.length > 0) lines.push(...unused, "");
  if (loaded.warnings.length > 0) lines.push(...loaded.warnings.map((warning) => `  warning: ${warning}`), "");
  if (key !== undefined) {
    lines.push("  The user `admin` has this key. It is shown once and stored nowhere:", "", `    ${key.key}`, "");
  }
  const auth = loaded.settings.gateway.auth.enabled ? ` \\\n    -H "authorization: Bearer ${key?.key ?? "$TOKLIGENCE_KEY"}"` : "";
  lines.push(
    "  Try it:",
    "",
    `  curl ${url}/v1/chat/completions${auth} \\`,
    `    -H "content-type: application/json" \\`,
    `    -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    "",
    output === "screen"
      ? `  ${hasKeys() ? "o opens the page, r reloads, q ends, ? helps. " : ""}Ctrl-C ends it.`
      : "  It runs in the background: `tokligence-daemon status`, `restart` and `stop`.",
    "",
  );
  const screen = lines.join("\n");
  if (output === "screen") {
    process.stdout.write(screen);
    return { url };
  }
  const started = { status: "running", pid: process.pid, port, url, config: loaded.path, api_key: key?.key ?? null, try_model: model };
  process.stdout.write(`${JSON.stringify(output === "json" ? started : { ...started, screen })}\n`);
  return { url };
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
      return [`  ${variable} is set, but unused. Add under providers:  ${setting}`];
    });
}

function hasKeys(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

function describe(provider: Provider): string {
  if (!provider.enabled) return `off: ${provider.disabledReason ?? "enabled is false"}`;
  if (provider.builtin) return 'built in: the model "loopback" repeats what it is told';
  const where = [...new Set(Object.values(provider.baseUrls))].map((base) => new URL(base).host).join(", ");
  const models =
    provider.models.length === 0 ? "" : `, models: ${provider.models.slice(0, 4).join(", ")}${provider.models.length > 4 ? ", …" : ""}`;
  return `${where}${models}`;
}

/** Models that answer a chat cheaply, by what vendors call them; never those that do something else. */
const small = /mini|haiku|flash|small|lite|8b|7b/i;
const noChat = /embed|tts|whisper|image|audio|realtime|moderation|transcri|dall|rerank|live|veo|imagen|sora|babbage|davinci/i;

/** A model for the command to paste: of a provider where there is one, else the built-in. */
function chooseModel(catalog: Parameters<typeof listModels>[0], providers: readonly Provider[]): string {
  const builtin = new Set(providers.filter((provider) => provider.builtin).map((provider) => provider.name));
  const real = listModels(catalog).filter((model) => !builtin.has(model.provider) && !noChat.test(model.id));
  return (real.find((model) => small.test(model.id)) ?? real[0])?.id ?? "loopback";
}

/** The name under which a client on this machine reaches what listens on `host`. */
function nameInUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
