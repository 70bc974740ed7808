import { existsSync, readFileSync } from "node:fs";
import { environmentWarnings } from "../connect/client.ts";
import { clients } from "../connect/clients.ts";
import { fine, warning, type Finding } from "./finding.ts";

export interface ClientsInput {
  /** The gateway's address: `http://localhost:8081`. */
  readonly url: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** The clients whose settings lie in files of this user: whether they name this gateway, and what of the environment misleads them. */
export function checkClients({ url, env, home }: ClientsInput): Finding[] {
  return Object.entries(clients).flatMap(([name, connect]): Finding[] => {
    const { files, title } = connect({ url, key: undefined, model: "", env, home });
    const texts = files.flatMap(({ path }) => (existsSync(path) ? [{ path, text: readFileSync(path, "utf8") }] : []));
    if (texts.length === 0) return [];
    const port = new URL(url).port;
    const named = texts.find(({ text }) => new RegExp(`(?:localhost|127\\.0\\.0\\.1):${port}\\b`).test(text));
    const other = texts.find(({ text }) => /tokligence/i.test(text) && /(?:localhost|127\.0\.0\.1):\d+/.test(text));
    const misleading = environmentWarnings(name, env, url).map((text) => warning(name, text));
    if (named !== undefined) return [fine(name, `${title} uses this gateway (${named.path})`), ...misleading];
    if (other !== undefined) {
      return [warning(name, `${other.path} names a gateway on another port than ${port}`, `tokligence connect ${name} --write`)];
    }
    return [{ name, state: "info", message: `${title} is not connected`, remedy: `tokligence connect ${name}` }];
  });
}
