import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { GatewayError, messageOf } from "../../core/index.ts";
import { Config, ConfigError, loadConfig } from "../config/index.ts";
import { Daemon, type DaemonOptions } from "./daemon.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";

/*
 * The library for programs in other languages: one JSON object a line, a call and its answer. `{"id": 1, "call": "gateway.createUser", "of": {"config": "/a"},
 * "args": ["alice"]}` gets `{"id": 1, "result": {…}}` or `{"id": 1, "error": {"code", "message"}}`. `of` has what the object is made with.
 */

interface Call {
  readonly id: number;
  readonly call: string;
  readonly of?: unknown;
  readonly args?: readonly unknown[];
}

type Handler = (of: unknown, args: readonly unknown[]) => unknown;

/** What a configuration was made with, and what was changed in it since. */
interface ConfigState {
  readonly path?: string;
  readonly changes?: readonly (
    | readonly ["set", string | readonly string[], unknown]
    | readonly ["update", Readonly<Record<string, unknown>>]
  )[];
}

function configOf(of: unknown): Config {
  const { path, changes = [] } = of as ConfigState;
  const config = new Config(path === undefined ? {} : { path });
  for (const change of changes) {
    if (change[0] === "set") config.set(change[1], change[2]);
    else config.update(change[1]);
  }
  return config;
}

const gatewayOf = (of: unknown): Gateway => new Gateway(of as GatewayOptions);
const daemonOf = (of: unknown): Daemon => new Daemon(of as DaemonOptions);

const handlers: Readonly<Record<string, Handler>> = {
  "gateway.init": (of) => gatewayOf(of).init(),
  "gateway.createUser": (of, [name, options]) => gatewayOf(of).createUser(name as string, options as object),
  "gateway.updateUser": (of, [name, changes]) => gatewayOf(of).updateUser(name as string, changes as object),
  "gateway.listUsers": (of) => gatewayOf(of).listUsers(),
  "gateway.createApiKey": (of, [user, options]) => gatewayOf(of).createApiKey(user as string, options as object),
  "gateway.listApiKeys": (of) => gatewayOf(of).listApiKeys(),
  "gateway.revokeApiKey": (of, [id]) => gatewayOf(of).revokeApiKey(id as string),
  "gateway.getUsage": (of, [options]) => gatewayOf(of).getUsage(options as object),
  "daemon.start": (of) => daemonOf(of).start({ background: true }),
  "daemon.status": (of) => daemonOf(of).status(),
  "daemon.stop": (of) => daemonOf(of).stop(),
  "config.load": (_of, [path]) => loadConfig(path as string | undefined).path,
  // Makes all changes, and so finds what is wrong with them.
  "config.check": (of) => configOf(of).path,
  "config.get": (of, [path]) => ({ value: configOf(of).get(path as string) }),
  "config.save": (of) => {
    configOf(of).save();
  },
  "config.toEnvVars": (of) => configOf(of).toEnvVars(),
};

/** Answers calls until the input ends. Those that come together are answered side by side. */
export async function serveBridge(input: Readable, output: Writable): Promise<void> {
  let active = 0;
  const idle = Promise.withResolvers<void>();
  let isOver = false;
  for await (const line of createInterface({ input })) {
    active += 1;
    void answer(line).then((text) => {
      active -= 1;
      output.write(`${text}\n`);
      if (isOver && active === 0) idle.resolve();
    });
  }
  isOver = true;
  if (active > 0) await idle.promise;
}

async function answer(line: string): Promise<string> {
  const { id, call, of = {}, args = [] } = JSON.parse(line) as Call;
  try {
    const handler = Object.hasOwn(handlers, call) ? handlers[call] : undefined;
    if (handler === undefined) throw new GatewayError("not_found", `There is no call ${call}.`);
    return JSON.stringify({ id, result: (await handler(of, args)) ?? null });
  } catch (error) {
    return JSON.stringify({ id, error: { code: codeOf(error), message: messageOf(error) } });
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof GatewayError || error instanceof ConfigError ? error.code : null;
}
