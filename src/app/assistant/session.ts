import { readFileSync } from "node:fs";
import { messageOf, silentLogger, systemClock } from "../../core/index.ts";
import { createLocalProbe, detectLocalServers, type LocalModelServer } from "../../upstream/index.ts";
import { openAdmin, type Admin } from "../admin.ts";
import { loadSettings, locateDatabase, type LoadedSettings } from "../config/index.ts";
import { ConfigError } from "../../settings/index.ts";
import { openRemoteAdmin, type RemoteGateway } from "../remote-admin.ts";
import { runtimePaths } from "../paths.ts";
import { readVersion } from "../self.ts";
import { adminTools } from "./admin-tools.ts";
import { chooseModel, NoModelError, type ChosenModel } from "./choose-model.ts";
import type { ConfigPlace } from "./config-place.ts";
import { configSecrets } from "./config-secrets.ts";
import { configTools, remoteConfigTool } from "./config-tools.ts";
import { daemonTools } from "./daemon-tools.ts";
import { createReopeningAdmin, type ReopeningAdmin } from "./reopening-admin.ts";
import { repairTools, secretsInText } from "./repair-tools.ts";
import { Conversation } from "./conversation.ts";
import { readDocumentation, type Documentation } from "./documentation.ts";
import { doctorTool, documentationTools, logTool } from "./local-tools.ts";
import { createMasker, environmentSecrets, type Masker } from "./masker.ts";
import type { ToolRunnerDeps } from "./tool-runner.ts";
import type { Tool } from "./tool.ts";

export interface SessionOptions extends Pick<ToolRunnerDeps, "isReadOnly" | "isYes" | "approve" | "showOnce" | "onCall"> {
  readonly place: ConfigPlace;
  /** A gateway on another machine, in place of this one's (`--url`). */
  readonly remote?: RemoteGateway | undefined;
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
  /** Why the configuration file cannot be used; `undefined`: it can. */
  readonly notice: string | undefined;
  readonly conversation: Conversation | undefined;
  /** Another model for a new conversation. @throws NoModelError, and the session goes on with the former one. */
  withModel(model: string): Promise<Session>;
  close(): Promise<void>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const { loaded, broken } = loadOrRepair(options.place);
  const open = (): Promise<Admin> => openAdmin(loaded, { via: "assistant" });
  const admin =
    options.remote === undefined
      ? createReopeningAdmin(await open(), open)
      : { ...(await openRemote(options.remote)), reopen: () => Promise.resolve() };
  try {
    return await openWith(options, { loaded, broken: options.remote === undefined ? broken : undefined, admin });
  } catch (error) {
    await admin.close();
    throw error;
  }
}

interface Opened {
  readonly loaded: LoadedSettings;
  /** Why the configuration file cannot be used; `undefined`: it can. */
  readonly broken: ConfigError | undefined;
  readonly admin: ReopeningAdmin;
}

/** The settings; of a file that cannot be used those of the environment, so that the assistant can help to mend it. */
function loadOrRepair(place: ConfigPlace): Pick<Opened, "loaded" | "broken"> {
  try {
    return { loaded: loadSettings(place), broken: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { path } = locateDatabase(place);
    try {
      return { loaded: loadSettings({ ...place, text: "", overrides: { "database.path": path } }), broken: error };
    } catch {
      // What is wrong is in the environment.
      throw error;
    }
  }
}

/** @throws Error if the key is not an admin's: all that the assistant reads is an admin's. */
async function openRemote(remote: RemoteGateway): Promise<Admin> {
  const admin = openRemoteAdmin({ ...remote, via: "assistant" });
  const { role, user } = await admin.call("session.get");
  if (role !== "admin") throw new Error(`The key of ${user.username} at ${remote.url} is not an admin's. The assistant needs one.`);
  return admin;
}

function secretsFor({ place, remote }: SessionOptions, broken: ConfigError | undefined, path: string): string[] {
  if (broken !== undefined) return secretsInText(readFileSync(path, "utf8"));
  return [...configSecrets(place), ...(remote === undefined ? [] : [remote.key])];
}

function toolsOf(
  { place, remote }: SessionOptions,
  { loaded, broken, admin }: Opened,
  masker: Masker,
  documentation: Documentation,
): Tool[] {
  const { settings } = loaded;
  const { call } = admin;
  const common = documentationTools(documentation);
  // Files and processes of this machine say nothing about another one.
  if (remote !== undefined) return [...common, remoteConfigTool(call), ...adminTools(call)];
  const local = [logTool(() => settings.gateway.logging.file ?? runtimePaths(settings.database.path).log), doctorTool(place.path)];
  if (broken !== undefined) return [...common, ...repairTools({ place, path: loaded.path, call, masker }), ...local];
  const daemon = daemonTools({ config: place.path, paths: runtimePaths(settings.database.path), call, onChange: () => admin.reopen() });
  return [...common, ...configTools({ place, call, masker }), ...local, ...daemon, ...adminTools(call)];
}

async function openWith(options: SessionOptions, opened: Opened): Promise<Session> {
  const { loaded, broken, admin } = opened;
  const masker = createMasker([...secretsFor(options, broken, loaded.path), ...environmentSecrets(options.env)]);
  const documentation = readDocumentation();
  const tools = toolsOf(options, opened, masker, documentation);
  const choose = (model: string | undefined): Promise<ChosenModel> =>
    chooseModel({
      loaded,
      call: admin.call,
      model,
      remoteUrl: options.remote?.url,
      mask: (text) => masker.mask(text),
      learn: (secret) => masker.learn(secret),
      detect: options.detect ?? detectServers,
    });
  const notice = broken === undefined ? undefined : masker.mask(brokenText(broken));
  const sessionOf = (chosen: ChosenModel | undefined, problem: string | undefined): Session => ({
    masker,
    documentation,
    tools,
    chosen,
    problem,
    notice,
    conversation: chosen && new Conversation({ ...options, model: chosen, documentation, masker, tools, version: readVersion(), notice }),
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

function brokenText({ problems }: ConfigError): string {
  return `The configuration file cannot be used: ${problems.map(({ message }) => message).join("; ")}`;
}

async function detectServers(): Promise<readonly LocalModelServer[]> {
  return await detectLocalServers({ probe: createLocalProbe({ clock: systemClock, logger: silentLogger }) });
}
