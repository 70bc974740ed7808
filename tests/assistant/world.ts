import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openAdmin, type Admin } from "../../src/app/admin.ts";
import { openSession, type Session } from "../../src/app/assistant/session.ts";
import type { ChangeRequest } from "../../src/app/assistant/tool-runner.ts";
import { loadSettings } from "../../src/app/config/index.ts";
import { providerKeys, withMockUpstream } from "../e2e/harness.ts";
import { makeMigratedSqlite } from "../testbed/migrated-sqlite.ts";
import { createMockUpstream, type MockUpstream, type MockUpstreamOptions } from "../testbed/mock-upstream.ts";
import type { Scenario, ScenarioToolCall } from "../testbed/scenario.ts";

/** A model of each protocol, by the provider that speaks it. */
export const models = {
  "openai-responses": "gpt-mock",
  "openai-chat": "org/local-model",
  "anthropic-messages": "claude-mock",
  "gemini-generate": "gemini-mock",
} as const;
export const modelNames = Object.values(models);

/** A secret that is only in the environment, and one in a URL. */
export const canaries = [...Object.values(providerKeys), "canary-of-the-environment-77", "canary-in-a-url-88"];

/** A configuration and a database, without a daemon, and a stand-in for every vendor. */
export interface World {
  readonly mock: MockUpstream;
  readonly admin: Admin;
  readonly configPath: string;
  readonly logPath: string;
  /** A session with a model; `agree` answers the questions, which are noted in `asked`. */
  session(options: SessionChoice): Promise<TestSession>;
}

export interface SessionChoice {
  readonly model?: string;
  readonly isYes?: boolean;
  readonly isReadOnly?: boolean;
  readonly agree?: boolean;
}

export interface TestSession extends Session {
  readonly asked: ChangeRequest[];
  readonly keysShown: string[];
  /** Asks with a model that plays these scenarios, one a request. @returns the answer. */
  play(question: string, ...scenarios: readonly Scenario[]): Promise<string>;
}

export async function startWorld(t: TestContext, options: MockUpstreamOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-chat-"));
  const mock = await createMockUpstream(options);
  const path = join(folder, "config.yaml");
  const logPath = join(folder, "gateway.log");
  const more = `alerts: { webhooks: { ops: { url: "http://127.0.0.1:9/hook?token=canary-in-a-url-88" } } }`;
  await writeFile(path, withMockUpstream(mock.url, more), { mode: 0o600 });
  const env = { HOME: folder, TOKLIGENCE_DATABASE_PATH: join(folder, "gateway.db"), TOKLIGENCE_GATEWAY_LOGGING_FILE: logPath };
  await makeMigratedSqlite(env.TOKLIGENCE_DATABASE_PATH);
  const admin = await openAdmin(loadSettings({ path, env }), { create: true });
  const sessions: Session[] = [];
  t.after(async () => {
    for (const session of sessions) await session.close();
    await admin.close();
    await mock.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    mock,
    admin,
    configPath: path,
    logPath,
    async session({ model = models["openai-chat"], isYes = false, isReadOnly = false, agree = true }) {
      const asked: ChangeRequest[] = [];
      const keysShown: string[] = [];
      const session = await openSession({
        place: { path, env },
        model,
        env: { DEPLOY_TOKEN: "canary-of-the-environment-77" },
        isYes,
        isReadOnly,
        detect: () => Promise.resolve([]),
        approve(change) {
          asked.push(change);
          return Promise.resolve(agree);
        },
        showOnce: (key) => keysShown.push(key),
      });
      sessions.push(session);
      return {
        ...session,
        asked,
        keysShown,
        async play(question, ...scenarios) {
          mock.enqueue(...scenarios);
          const { answer } = await session.conversation!.ask(question);
          return answer;
        },
      };
    },
  };
}

/** A turn of the model that calls tools. */
export function calls(...list: readonly (readonly [name: string, input: ScenarioToolCall["arguments"]])[]): Scenario {
  return { toolCalls: list.map(([name, input]) => ({ name, arguments: input })), stop: "tool" };
}

/** The last turn of the model. */
export function says(text: string): Scenario {
  return { text: [text] };
}

/** Bodies of all requests to the model. */
export function sentTexts(mock: MockUpstream): string[] {
  return mock.requests.map(({ body }) => body.toString("utf8"));
}
