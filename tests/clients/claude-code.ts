import type { Connection } from "../e2e/sdk-story.ts";
import { installed, type Agent, type Command } from "./agent.ts";

function command({ url, key }: Connection, model: string, ...args: readonly string[]): Command {
  return {
    program: installed("claude"),
    args: [...args, "--model", model, "--dangerously-skip-permissions"],
    env: {
      ANTHROPIC_BASE_URL: `${url}/anthropic`,
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
      DISABLE_AUTOUPDATER: "1",
      // It refuses to skip permissions for root, unless it is told that this is a sandbox.
      IS_SANDBOX: "1",
    },
  };
}

/** Claude Code. A newer model gets adaptive thinking, an older one a budget; the text of neither is asked for. */
export const claudeCode: Agent = {
  name: "claude-code",
  dialect: "anthropic-messages",
  models: ["claude-opus-5-5", "claude-sonnet-4-5"],
  homeFiles: () => ({}),
  command: (connection, model, prompt) => command(connection, model, "-p", prompt),
  resume: (connection, model, prompt) => command(connection, model, "--continue", "-p", prompt),
  work: (_tools, file, text, shell) => [
    { name: "Write", arguments: { file_path: file, content: `${text}\n` } },
    { name: "Bash", arguments: { command: shell, description: "Say what was asked" } },
  ],
  look: (_tools, image) => ({ name: "Read", arguments: { file_path: image } }),
};
