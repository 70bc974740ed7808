import { isTree, type Value } from "../../settings/index.ts";
import { secretsOf } from "../../upstream/index.ts";
import { Config, loadSettings } from "../config/index.ts";
import { nodeAt } from "../config/schema-tree.ts";
import { valuesOf } from "../config/tree.ts";
import type { ConfigPlace } from "./config-place.ts";

/** Every secret of the configuration in plain text, wherever it was written. */
export function configSecrets(place: ConfigPlace): string[] {
  const whole = new Config(place).get([]) as Value;
  const values = isTree(whole) ? [...valuesOf(whole)] : [];
  const written = values.flatMap(([path, value]) => {
    const node = nodeAt(path);
    if (node?.type !== "leaf" || typeof value !== "string") return [];
    if (node.kind === "urls" || node.isUrl) return urlSecrets(value);
    // A setting of several values (alerts.webhooks) has words of its own beside its secrets.
    if (!node.sensitive || (node.kind === "json" && /^[a-z_]+$/.test(value))) return [];
    return [value, ...(URL.canParse(value) ? [...urlSecrets(value), ...pathSecrets(value)] : [])];
  });
  const { providers } = loadSettings(place).settings;
  return [...written, ...providers.flatMap((provider) => secretsOf(provider))];
}

/** Slack and Discord have the secret of a webhook in its path. */
function pathSecrets(text: string): string[] {
  const shortest = 12;
  return new URL(text).pathname.split("/").filter((part) => part.length >= shortest);
}

/** The password and the values of the query, as they are written and as they are meant. */
function urlSecrets(text: string): string[] {
  if (!URL.canParse(text)) return [text];
  const { password, searchParams } = new URL(text);
  const values = [password, ...searchParams.values()].filter((value) => value !== "");
  return values.flatMap((value) => {
    try {
      return [value, decodeURIComponent(value)];
    } catch {
      return [value];
    }
  });
}
