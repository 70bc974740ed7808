import { isIP } from "node:net";
import type { AdminClient } from "../../server/index.ts";
import type { LoadedSettings } from "../config/index.ts";

/** The running gateway as programs on this machine reach it: `http://localhost:8081`. */
export async function findGatewayUrl(
  call: AdminClient,
  { settings }: LoadedSettings,
): Promise<{ readonly url: string; readonly isRunning: boolean }> {
  const { status, port } = await call("status.get");
  const { host } = settings.gateway;
  return { url: `http://${hostOf(host)}:${port ?? settings.gateway.port}`, isRunning: status === "running" };
}

function hostOf(host: string): string {
  if (host === "0.0.0.0" || host === "::" || host === "localhost") return "localhost";
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** Models that are no good for an agent, by what vendors call them. */
const noAgent = /embed|tts|whisper|image|audio|realtime|moderation|transcri|dall|rerank|veo|imagen|sora|babbage|davinci|guard|ocr/i;
const usualModels = ["claude-sonnet-4-5", "gpt-5.1", "gpt-5-mini", "gemini-2.5-flash"];

/** A model for an agent that the gateway serves; `loopback` if there is none. */
export async function findModel(call: AdminClient): Promise<string> {
  const ids = (await call("models.list")).data.map(({ id }) => id).filter((id) => !noAgent.test(id));
  return usualModels.find((model) => ids.includes(model)) ?? ids.find((id) => !id.startsWith("loopback")) ?? "loopback";
}

export interface KeyInput {
  readonly call: AdminClient;
  readonly user: string | undefined;
  readonly name: string;
  /** `undefined`: never. */
  readonly expires?: string;
}

/** Makes a key with the rights of a user: of the user that is named, else of the first admin. @throws Error if there is no admin. */
export async function makeKey({
  call,
  user,
  name,
  expires,
}: KeyInput): Promise<{ readonly id: string; readonly key: string; readonly owner: string }> {
  const owner =
    user ?? (await call("users.list")).data.find(({ role, disabled_at: disabled }) => role === "admin" && disabled === null)?.username;
  if (owner === undefined) throw new Error("There is no user to make a key for. Make one: tokligence user create NAME");
  const made = await call("keys.create", { body: { user: owner, role: "user", name, ...(expires === undefined ? {} : { expires }) } });
  return { id: made.id, key: made.key, owner };
}
