import { messageOf, silentLogger, systemClock } from "../../core/index.ts";
import { createLocalProbe, detectLocalServers, type LocalModelServer } from "../../upstream/index.ts";
import { openAdmin, type Admin } from "../admin.ts";
import { loadSettings, type LoadedSettings } from "../config/index.ts";
import { runtimePaths } from "../paths.ts";
import { readVersion } from "../self.ts";
import { adminTools } from "./admin-tools.ts";
import { chooseModel, NoModelError, type ChosenModel } from "./choose-model.ts";
import type { ConfigPlace } from "./config-place.ts";
import { configSecrets } from "./config-secrets.ts";
import { configTools } from "./config-tools.ts";
import { Conversation } from "./conversation.ts";
import { readDocumentation, type Documentation } from "./documentation.ts";
import { doctorTool, documentationTools, logTool } from "./local-tools.ts";
import { createMasker, environmentSecrets, type Masker } from "./masker.ts";
import type { ToolRunnerDeps } from "./tool-runner.ts";
import type { Tool } from "./tool.ts";

export interface SessionOptions extends Pick<ToolRunnerDeps, "isReadOnly" | "isYes" | "approve" | "showOnce" | "onCall"> {
  readonly place: ConfigPlace;
  /** `--model`. */
  readonly model: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Looks for model servers on this machine; on their usual ports if omitted. */
  readonly detect?: () => Promise<readonly LocalModelServer[]>;
}

/** All that a conversation needs, put together. */
export interface Session {
  readonly masker: Masker;
  readonly documentation: Documentation;
  readonly tools: readonly Tool[];
  /** `undefined`: there is no model, and `problem` says what to set. */
  readonly chosen: ChosenModel | undefined;
  readonly problem: string | undefined;
  readonly conversation: Conversation | undefined;
  /** Another model for a new conversation. @throws NoModelError, and the session goes on with the former one. */
  withModel(model: string): Promise<Session>;
  close(): Promise<void>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const loaded = loadSettings(options.place);
  const admin = await openAdmin(loaded);
  try {
    return await openWith(options, loaded, admin);
  } catch (error) {
    await admin.close();
    throw error;
  }
}

async function openWith(options: SessionOptions, loaded: LoadedSettings, admin: Admin): Promise<Session> {
  const masker = createMasker([...configSecrets(options.place), ...environmentSecrets(options.env)]);
  const documentation = readDocumentation();
  const { settings } = loaded;
  const tools: readonly Tool[] = [
    ...documentationTools(documentation),
    ...configTools({ place: options.place, call: admin.call, masker }),
    logTool(() => settings.gateway.logging.file ?? runtimePaths(settings.database.path).log),
    doctorTool(options.place.path),
    ...adminTools(admin.call),
  ];
  const choose = (model: string | undefined): Promise<ChosenModel> =>
    chooseModel({
      loaded,
      call: admin.call,
      model,
      mask: (text) => masker.mask(text),
      learn: (secret) => masker.learn(secret),
      detect: options.detect ?? detectServers,
    });
  const sessionOf = (chosen: ChosenModel | undefined, problem: string | undefined): Session => ({
    masker,
    documentation,
    tools,
    chosen,
    problem,
    conversation: chosen && new Conversation({ ...options, model: chosen, documentation, masker, tools, version: readVersion() }),
    async withModel(model) {
      const next = await choose(model);
      await chosen?.close();
      return sessionOf(next, undefined);
    },
    async close() {
      await chosen?.close();
      await admin.close();
    },
  });
  try {
    return sessionOf(await choose(options.model), undefined);
  } catch (error) {
    // A model that was named and is not there is a mistake, not a reason to answer without one.
    if (!(error instanceof NoModelError) || options.model !== undefined) throw error;
    return sessionOf(undefined, messageOf(error));
  }
}

async function detectServers(): Promise<readonly LocalModelServer[]> {
  return await detectLocalServers({ probe: createLocalProbe({ clock: systemClock, logger: silentLogger }) });
}
