import type { AnnouncedState, Provider } from "../../upstream/index.ts";

/** What the start screen shows. */
export interface StartFacts {
  readonly version: string;
  readonly url: string;
  readonly config: { readonly path: string; readonly isNew: boolean };
  readonly database: string;
  readonly log: string;
  readonly providers: readonly Provider[];
  /** What the providers answered when asked for their models. */
  readonly states: readonly AnnouncedState[];
  /** Lines about keys in the environment that no provider uses. */
  readonly unused: readonly string[];
  readonly warnings: readonly string[];
  /** At the first start. */
  readonly key: string | undefined;
  readonly authEnabled: boolean;
  readonly tryModel: string;
  /** How to stop it, and further hints. */
  readonly help: string;
  readonly platform: NodeJS.Platform;
}

/** The start screen, without colours. @param columns the terminal's; `Infinity` without one. */
export function renderStart(facts: StartFacts, columns: number): string {
  const { url, config, key } = facts;
  const lines = [
    `Tokligence Gateway ${facts.version} on ${url}`,
    "",
    `  configuration  ${config.path}${config.isNew ? "  (written now)" : ""}`,
    `  database       ${facts.database}`,
    `  log            ${facts.log}`,
    "",
    "  providers",
    ...providerLines(facts, columns),
    "",
  ];
  if (facts.unused.length > 0) lines.push(...facts.unused.map((line) => wrapWords("  ", line, columns)), "");
  if (facts.warnings.length > 0) lines.push(...facts.warnings.map((warning) => wrapWords("  warning: ", warning, columns)), "");
  if (key !== undefined) lines.push("  The user `admin` has this key. It is shown once and stored nowhere:", "", `    ${key}`, "");
  lines.push(...tryLines(facts), "", ...exportLines(facts), "", `  ${facts.help}`, "");
  return lines.join("\n");
}

const gap = 2;
const longestBesideHost = 36;

/** A line for each provider: its name, what it answered, and its address where there is room. */
function providerLines({ providers, states }: StartFacts, columns: number): string[] {
  const rows = providers.map((provider) => ({
    name: provider.name,
    text: describeProvider(
      provider,
      states.find((state) => state.provider === provider.name),
    ),
    host: provider.enabled && !provider.builtin ? hostsOf(provider) : "",
  }));
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  // A long text, as why a provider fails, does not move the addresses of the others away.
  const textWidth = Math.max(0, ...rows.map(({ text, host }) => (host === "" || text.length > longestBesideHost ? 0 : text.length)));
  return rows.map(({ name, text, host }) => {
    const start = `    ${name.padEnd(nameWidth)}${" ".repeat(gap)}`;
    const line = `${start}${text.padEnd(textWidth)}${" ".repeat(gap)}${host}`;
    if (host !== "" && line.length <= columns) return line;
    return wrapWords(start, text, columns);
  });
}

/** A text behind its beginning, in lines that are not wider than the terminal if no word is; all but the first begin below the text. */
function wrapWords(start: string, text: string, columns: number): string {
  let line = start;
  let wrapped = "";
  for (const word of text.match(/\S+\s*/g) ?? []) {
    if (line.length + word.trimEnd().length > columns && line.trim() !== "" && line !== start) {
      wrapped += `${line.trimEnd()}\n`;
      line = " ".repeat(start.length);
    }
    line += word;
  }
  return wrapped + line.trimEnd();
}

function hostsOf(provider: Provider): string {
  return [...new Set(Object.values(provider.baseUrls))].map((base) => new URL(base).host).join(", ");
}

/** `state`: `undefined` while it has not answered. */
export function describeProvider(provider: Provider, state: AnnouncedState | undefined): string {
  if (!provider.enabled) return `– off: ${provider.disabledReason ?? "enabled is false"}`;
  if (provider.builtin) return '✓ built in: the model "loopback" repeats its input';
  if (state === undefined) return "… no answer yet";
  if (state.message === undefined) return `✓ ${state.models} ${state.models === 1 ? "model" : "models"}`;
  switch (state.status) {
    case undefined:
      // The line begins with the name.
      return `✗ ${state.message.replace(/^Provider \S+ (?:\([^)]*\) )?/, "")}`;
    case 401:
      return "✗ 401, the key is wrong";
    case 403:
      return "✗ 403, the key may not list models";
    case 404:
    case 405:
      return `? ${state.status}, it has no list of models; if requests fail too, check base_url`;
    default:
      return `✗ ${state.status} when asked for its models`;
  }
}

function tryLines({ url, authEnabled, key, tryModel }: StartFacts): string[] {
  return [
    "  Try it:",
    "",
    `  curl ${url}/v1/chat/completions \\`,
    ...(authEnabled ? [`    -H "authorization: Bearer ${key ?? "$TOKLIGENCE_KEY"}" \\`] : []),
    `    -H "content-type: application/json" \\`,
    `    -d '{"model": "${tryModel}", "messages": [{"role": "user", "content": "Hello"}]}'`,
  ];
}

/**
 * Variables that SDKs and agents read. Those of the key are the vendors' own: in the gateway's shell they would replace the keys of the providers at its
 * next start.
 */
function exportLines({ url, authEnabled, key, platform }: StartFacts): string[] {
  const isWindows = platform === "win32";
  const variable = isWindows ? "$env:TOKLIGENCE_KEY" : "$TOKLIGENCE_KEY";
  const values: readonly (readonly [name: string, value: string])[] = [
    ...(key !== undefined || !authEnabled ? [["TOKLIGENCE_KEY", key ?? "any"] as const] : []),
    ["OPENAI_BASE_URL", `${url}/v1`],
    ["OPENAI_API_KEY", variable],
    ["ANTHROPIC_BASE_URL", `${url}/anthropic`],
    ["ANTHROPIC_API_KEY", variable],
    ["GOOGLE_GEMINI_BASE_URL", url],
    ["GEMINI_API_KEY", variable],
  ];
  return [
    "  SDKs and agents read these, in a shell of their own, not the gateway's:",
    "",
    ...values.map(([name, value]) =>
      isWindows ? `  $env:${name} = ${value.startsWith("$") ? value : `"${value}"`}` : `  export ${name}=${value}`,
    ),
  ];
}

const codes = { bold: "1", red: "31", green: "32", yellow: "33", dim: "2" } as const;

/** The same screen with colours of the terminal's own palette. */
export function colourStart(screen: string): string {
  const paint = (code: keyof typeof codes, text: string): string => `\u001b[${codes[code]}m${text}\u001b[0m`;
  return screen
    .replace(/^.+$/m, (title) => paint("bold", title))
    .replaceAll(/^( {4}\S+ +)([✓✗?…–])(?= )/gm, (_, name: string, mark: string) => name + paint(markColours[mark]!, mark))
    .replaceAll(/(?<=^ {2})warning:/gm, (text) => paint("yellow", text));
}

const markColours: Readonly<Record<string, keyof typeof codes>> = { "✓": "green", "✗": "red", "?": "yellow", "…": "yellow", "–": "dim" };
