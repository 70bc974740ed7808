import type { Connection } from "../e2e/sdk-story.ts";
import { installed, type Agent, type Command } from "./agent.ts";

const settings = {
  security: { auth: { selectedType: "gemini-api-key" } },
  telemetry: { enabled: false },
  privacy: { usageStatisticsEnabled: false },
  general: { disableAutoUpdate: true },
};

function command({ url, key }: Connection, model: string, ...args: readonly string[]): Command {
  return {
    program: installed("gemini"),
    args: ["-m", model, "--yolo", ...args],
    env: { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: url, GEMINI_CLI_TRUST_WORKSPACE: "true" },
  };
}

/** gemini-cli. A model of version 3 gets a level of thinking, one of 2.5 a budget. */
export const geminiCli: Agent = {
  name: "gemini-cli",
  dialect: "gemini-generate",
  models: ["gemini-3.8-flash", "gemini-2.5-pro"],
  homeFiles: () => ({ ".gemini/settings.json": JSON.stringify(settings) }),
  command: (connection, model, prompt) => command(connection, model, "-p", prompt),
  resume: (connection, model, prompt) => command(connection, model, "--resume", "latest", "-p", prompt),
  work: (_tools, file, text, shell) => [
    { name: "write_file", arguments: { file_path: file, content: `${text}\n` } },
    { name: "run_shell_command", arguments: { command: shell, description: "Say what was asked" } },
  ],
  look: (_tools, image) => ({ name: "read_file", arguments: { file_path: image } }),
};
