import { installed, type Agent } from "./agent.ts";

const settings = {
  security: { auth: { selectedType: "gemini-api-key" } },
  telemetry: { enabled: false },
  privacy: { usageStatisticsEnabled: false },
  general: { disableAutoUpdate: true },
};

/** gemini-cli. A model of version 3 gets a level of thinking, one of 2.5 a budget. */
export const geminiCli: Agent = {
  name: "gemini-cli",
  dialect: "gemini-generate",
  models: ["gemini-3.8-flash", "gemini-2.5-pro"],
  homeFiles: () => ({ ".gemini/settings.json": JSON.stringify(settings) }),
  command: ({ url, key }, model, prompt) => ({
    program: installed("gemini"),
    args: ["-m", model, "--yolo", "-p", prompt],
    env: { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: url, GEMINI_CLI_TRUST_WORKSPACE: "true" },
  }),
  work: (_tools, file, text, shell) => [
    { name: "write_file", arguments: { file_path: file, content: `${text}\n` } },
    { name: "run_shell_command", arguments: { command: shell, description: "Say what was asked" } },
  ],
  look: (_tools, image) => ({ name: "read_file", arguments: { file_path: image } }),
};
