import { readLogin } from "./login-file.ts";
import { readGatewayUrl, type RemoteGateway } from "./remote-admin.ts";

/** The gateway of `--url`, with the key in TOKLIGENCE_KEY, or that of a login there. @throws Error that says how to get one. */
export function findRemote(text: string, env: Readonly<Record<string, string | undefined>>): RemoteGateway {
  const url = readGatewayUrl(text);
  const given = env["TOKLIGENCE_KEY"];
  if (given !== undefined && given !== "") return { url, key: given };
  const login = readLogin();
  if (login?.url === url) return { url, key: login.key };
  throw new Error(`There is no key for ${url}. Set TOKLIGENCE_KEY, or sign in: tokligence --url ${url} login`);
}
