import { once } from "node:events";
import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { createDeafListener, type DeafListener } from "../testbed/deaf-listener.ts";
import { createFaultServer, type FaultServer } from "../testbed/fault-server.ts";
import type { FaultContext } from "../testbed/fault-wire.ts";
import { faults } from "../testbed/faults.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { testCertificate } from "../testbed/test-certificate.ts";
import type { MatrixRow, Play, TargetName, Way } from "./matrix-rows.ts";

/** The limits of time of the targets that end by one, in milliseconds. Those that are omitted are far away. */
export const limits = {
  swallowed: { connect: 150 },
  hasty: { first_byte: 300, total: 500 },
  stalling: { idle: 350 },
  limited: { total: 500, stream_total: 500 },
} as const satisfies { readonly [T in TargetName]?: object };

const farLimits = { connect: 10_000, first_byte: 30_000, idle: 30_000, total: 60_000, stream_total: 60_000 };

/** The protocol to which the requests of a dialect are translated. */
const translatedTo: Readonly<Record<Protocol, Protocol>> = {
  "openai-chat": "anthropic-messages",
  "openai-responses": "openai-chat",
  "anthropic-messages": "gemini-generate",
  "gemini-generate": "openai-responses",
};

export interface Rig {
  readonly gateway: TestGateway;
  /** Of most targets. */
  readonly common: FaultServer;
  /** Of the target whose connections are reset when they are used again. */
  readonly reused: FaultServer;
  /** Requests that a server with an untrusted certificate has read. */
  readonly unverified: () => number;
  readonly close: () => Promise<void>;
}

/** The model of a request: the fault, the dialect and the way decide its target, the number makes it a model of its own. */
export function modelOf(row: MatrixRow, dialect: Protocol, way: Way, number: number): string {
  return `${way}/${row.name}/${dialect}/${number}`;
}

/** The fault's name in a request that a server has read. */
export function faultIn(request: FaultContext["request"]): string | undefined {
  return /(?:alone|translated|next)\/([\w-]+)\//.exec(decodeURIComponent(request.target) + request.body.toString("latin1"))?.[1];
}

/** Starts the servers and one gateway before them. */
export async function startRig(rows: readonly MatrixRow[]): Promise<Rig> {
  const [common, reused, gone] = await Promise.all([createFaultServer(), createFaultServer(), createFaultServer()]);
  // A port that was free a moment ago, on which no process listens.
  await gone.close();
  const deaf = await createDeafListener();
  let unverified = 0;
  const tls = createTlsServer(testCertificate, () => (unverified += 1)).listen(0, "127.0.0.1");
  await once(tls, "listening");
  const origins: Readonly<Record<TargetName, string>> = {
    common: common.url,
    hasty: common.url,
    stalling: common.url,
    limited: common.url,
    "own-key": common.url,
    reused: reused.url,
    refused: gone.url,
    swallowed: `http://127.0.0.1:${deaf.port}`,
    certificate: `https://127.0.0.1:${(tls.address() as AddressInfo).port}`,
  };
  const plays = new Map(rows.map(({ name, play }) => [name, play]));
  for (const server of [common, reused]) server.use((context) => playFault(context, plays));
  const gateway = await startGateway({ config: configOf(origins, rows) });
  return { gateway, common, reused, unverified: () => unverified, close: () => closeAll({ gateway, common, reused, deaf, tls }) };
}

function playFault(context: FaultContext, plays: ReadonlyMap<string, Play>): Promise<void> {
  const { request } = context;
  const found = request.headers["x-target"] === "second" ? undefined : plays.get(faultIn(request) ?? "");
  if (found === undefined) return faults.healthy.play(context);
  const { fault, settings, isStream } = found;
  const play = typeof fault === "string" ? faults[fault].play : fault;
  return play({ ...context, isStream: isStream ?? context.isStream, settings: { ...context.settings, ...settings } });
}

function configOf(origins: Readonly<Record<TargetName, string>>, rows: readonly MatrixRow[]): string {
  const timeouts = (own: Readonly<Record<string, number>>): string => {
    const all = Object.entries({ ...farLimits, ...own }).map(([name, ms]) => `${name}: ${ms}ms`);
    return `timeouts: { ${all.join(", ")} }`;
  };
  const provider = (name: string, protocol: Protocol, origin: string, rest: string): string =>
    `  ${name}-${protocol}: { protocols: [${protocol}], api_key: key-of-${name}, base_url: "${origin}${protocol.startsWith("openai") ? "/v1" : ""}", ${rest} }`;
  const providers = PROTOCOLS.flatMap((protocol) => [
    ...Object.entries(origins).map(([name, origin]) => {
      return provider(name, protocol, origin, timeouts(name in limits ? limits[name as keyof typeof limits] : {}));
    }),
    provider("second", protocol, origins.common, `headers: { x-target: second }, ${timeouts({})}`),
  ]);
  const routes = rows.flatMap(({ name, at = "common" }) =>
    PROTOCOLS.flatMap((dialect) => {
      const other = translatedTo[dialect];
      // A request that goes on to it is translated.
      const second = dialect === "openai-chat" ? "second-anthropic-messages" : "second-openai-chat";
      return [
        `  "alone/${name}/${dialect}/*": ${at}-${dialect}`,
        `  "translated/${name}/${dialect}/*": ${at}-${other}`,
        `  "next/${name}/${dialect}/*": [${at}-${dialect}, ${second}]`,
      ];
    }),
  );
  return `providers:\n${providers.join("\n")}\nmodel_provider_routes:\n${routes.join("\n")}\nrouting: { retries: 0 }\n`;
}

async function closeAll(parts: {
  readonly gateway: TestGateway;
  readonly common: FaultServer;
  readonly reused: FaultServer;
  readonly deaf: DeafListener;
  readonly tls: Server;
}): Promise<void> {
  const { gateway, common, reused, deaf, tls } = parts;
  await gateway.stop();
  await Promise.all([common.close(), reused.close(), deaf.close()]);
  await new Promise((resolve) => {
    tls.close(resolve);
    tls.closeAllConnections();
  });
}
