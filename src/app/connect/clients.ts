import { join } from "node:path";
import type { ClientFile, Connection, ConnectInput } from "./client.ts";
import { editContinueFile, editEnvFile, editJson, editToml, editYamlFile } from "./edit-files.ts";

/** How each client is connected, by the name that `tokligence connect` takes. Sources: the pages in `docs/clients/`. */
export const clients: Readonly<Record<string, (input: ConnectInput) => Connection>> = {
  codex: connectCodex,
  "claude-code": connectClaudeCode,
  "gemini-cli": connectGeminiCli,
  opencode: connectOpencode,
  cursor: ({ url, key, model }) => ({
    title: "Cursor",
    files: [],
    variables: {},
    steps: [
      "Cursor keeps its settings itself: Settings → Models → API Keys.",
      `OpenAI API Key: ${shown(key)}`,
      `Override OpenAI Base URL: ${url}/v1`,
      `Add the model: ${model}`,
      ...(isLocal(url) ? ["Cursor's servers call that address, so it must be reachable from the internet: give yours with --url."] : []),
    ],
    page: "clients/others.md",
  }),
  cline: ({ url, key, model }) => ({
    title: "Cline",
    files: [],
    variables: {},
    steps: [
      "Cline keeps its settings itself: the gear icon → API Provider → OpenAI Compatible.",
      `Base URL: ${url}/v1`,
      `API Key: ${shown(key)}`,
      `Model ID: ${model}`,
    ],
    page: "clients/others.md",
  }),
  aider: connectAider,
  continue: connectContinue,
  "open-webui": ({ url, key }) => ({
    title: "Open WebUI",
    files: [],
    variables: { OPENAI_API_BASE_URL: `${url}/v1`, OPENAI_API_KEY: shown(key) },
    steps: [
      "Open WebUI reads these variables at its first start alone, and keeps them in its database.",
      "Later: Admin Settings → Connections → OpenAI → Add.",
      ...(isLocal(url)
        ? ["In a container localhost is the container: use http://host.docker.internal:PORT/v1, and gateway.host 0.0.0.0."]
        : []),
    ],
    page: "clients/others.md",
  }),
  langchain: ({ url, key, model }) => ({
    title: "LangChain",
    files: [],
    variables: { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: shown(key) },
    steps: [
      "Or in the program:",
      `ChatOpenAI(model=${JSON.stringify(model)}, base_url=${JSON.stringify(`${url}/v1`)}, api_key=${JSON.stringify(shown(key))})`,
      `ChatAnthropic(model=${JSON.stringify(model)}, base_url=${JSON.stringify(`${url}/anthropic`)}, api_key=${JSON.stringify(shown(key))})`,
    ],
    page: "clients/others.md",
  }),
};

/** What stands for a key that is not known. */
export const unknownKey = "tok_…";

function shown(key: string | undefined): string {
  return key ?? unknownKey;
}

function isLocal(url: string): boolean {
  return /^https?:\/\/(?:localhost|127\.|\[::1\])/.test(url);
}

/** https://github.com/openai/codex: `config.toml` in `CODEX_HOME`; the key comes from the variable that `env_key` names. */
function connectCodex({ url, key, model, env, home }: ConnectInput): Connection {
  const path = join(env["CODEX_HOME"] ?? join(home, ".codex"), "config.toml");
  const values = { name: "Tokligence", base_url: `${url}/v1`, env_key: "TOKLIGENCE_KEY", wire_api: "responses" };
  return {
    title: "Codex",
    files: [
      { path, edit: (text) => editToml(text, { model, model_provider: "tokligence" }, { name: "model_providers.tokligence", values }) },
    ],
    variables: { TOKLIGENCE_KEY: shown(key) },
    steps: ['codex exec "Say what this repository does."'],
    page: "clients/codex.md",
  };
}

/** `settings.json` in `CLAUDE_CONFIG_DIR` or `~/.claude`: its `env` is set for each session. A token is used without the question that a key brings. */
function connectClaudeCode({ url, key, model, env, home }: ConnectInput): Connection {
  const path = join(env["CLAUDE_CONFIG_DIR"] ?? join(home, ".claude"), "settings.json");
  const variables = {
    ANTHROPIC_BASE_URL: `${url}/anthropic`,
    ANTHROPIC_AUTH_TOKEN: shown(key),
    ANTHROPIC_MODEL: model,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
  };
  const file: ClientFile = {
    path,
    edit: (text) =>
      editJson(
        text,
        Object.entries(variables).map(([name, value]) => ({ path: ["env", name], value })),
        path,
      ),
  };
  return { title: "Claude Code", files: [file], variables, steps: ["claude"], page: "clients/claude-code.md", needsKey: true };
}

/** `~/.gemini/.env` is read unless a folder above the project has its own; `settings.json` chooses the API key as the way to sign in. */
function connectGeminiCli({ url, key, model, home }: ConnectInput): Connection {
  const folder = join(home, ".gemini");
  const settings = join(folder, "settings.json");
  const variables = { GEMINI_API_KEY: shown(key), GOOGLE_GEMINI_BASE_URL: url, GEMINI_MODEL: model };
  return {
    title: "gemini-cli",
    files: [
      { path: join(folder, ".env"), edit: (text) => editEnvFile(text, variables) },
      {
        path: settings,
        edit: (text) => editJson(text, [{ path: ["security", "auth", "selectedType"], value: "gemini-api-key" }], settings),
      },
    ],
    variables,
    steps: ["gemini"],
    page: "clients/gemini-cli.md",
    needsKey: true,
  };
}

function connectOpencode({ url, key, model, env, home }: ConnectInput): Connection {
  const path = join(env["XDG_CONFIG_HOME"] ?? join(home, ".config"), "opencode", "opencode.json");
  const provider = {
    npm: "@ai-sdk/openai-compatible",
    name: "Tokligence",
    options: { baseURL: `${url}/v1`, apiKey: key ?? "{env:TOKLIGENCE_KEY}" },
    models: {
      [model]: {
        tool_call: true,
        reasoning: true,
        attachment: true,
        modalities: { input: ["text", "image"], output: ["text"] },
        limit: { context: 200_000, output: 32_000 },
      },
    },
  };
  const file: ClientFile = {
    path,
    edit: (text) =>
      editJson(
        text,
        [
          { path: ["provider", "tokligence"], value: provider },
          { path: ["model"], value: `tokligence/${model}` },
        ],
        path,
      ),
  };
  const variables: Readonly<Record<string, string>> = key === undefined ? { TOKLIGENCE_KEY: unknownKey } : {};
  return {
    title: "opencode",
    files: [file],
    variables,
    steps: ['opencode run "Say what this repository does."'],
    page: "clients/opencode.md",
  };
}

/** https://aider.chat/docs/config/aider_conf.html (November 2026) */
function connectAider({ url, key, model, home }: ConnectInput): Connection {
  const path = join(home, ".aider.conf.yml");
  const values = { model: `openai/${model}`, "openai-api-base": `${url}/v1`, "openai-api-key": shown(key) };
  const file: ClientFile = {
    path,
    edit: (text) =>
      editYamlFile(
        text,
        Object.entries(values).map(([name, value]) => ({ path: [name], value })),
        path,
      ),
  };
  return { title: "Aider", files: [file], variables: {}, steps: ["aider"], page: "clients/others.md", needsKey: true };
}

/** https://docs.continue.dev/reference (November 2026) */
function connectContinue({ url, key, model, home }: ConnectInput): Connection {
  const path = join(home, ".continue", "config.yaml");
  const entry = { name: `${model} through Tokligence`, provider: "openai", model, apiBase: `${url}/v1`, apiKey: shown(key) };
  return {
    title: "Continue",
    files: [{ path, edit: (text) => editContinueFile(text, entry, path) }],
    variables: {},
    steps: ["Choose the model in Continue's panel."],
    page: "clients/others.md",
    needsKey: true,
  };
}
