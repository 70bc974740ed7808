import { startGateway, type TestGateway } from "../e2e/harness.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { chunk, head, healthyScript, LAST_CHUNK, scriptFrames, send, STREAM_HEADERS, type Fault } from "../testbed/fault-wire.ts";
import { faults } from "../testbed/faults.ts";
import { dialects } from "./dialects.ts";
import { ask, type Seen } from "./observe.ts";

export interface LoadOptions {
  readonly requests: number;
  /** Requests at a time. */
  readonly width: number;
}

export interface LoadFigures {
  readonly requests: number;
  /** Requests that providers received. */
  readonly attempts: number;
  /** Rows of the ledger. */
  readonly rows: number;
  /** Answers that were not whole and good. */
  readonly errors: number;
  /** Answers that took more than one attempt. */
  readonly failedOver: number;
}

/** A good answer in one write, so that a server that dies has sent all of it or nothing. */
const healthyAtOnce: Fault["play"] = (context) => {
  if (!context.isStream) return faults.healthy.play(context);
  const frames = scriptFrames(healthyScript(context.protocol)).join("");
  return send(context, Buffer.concat([Buffer.from(head(200, STREAM_HEADERS)), chunk(frames), Buffer.from(LAST_CHUNK)])).then(
    () => undefined,
  );
};

/** A provider that always answers 503: how much of its trouble the gateway adds to. */
export async function alwaysOverloaded(options: LoadOptions): Promise<LoadFigures> {
  const server = await createFaultServer();
  server.use("status-503");
  return await run([server], options, () => undefined);
}

/** The first of two providers dies after a third of the requests. */
export async function dyingProvider(options: LoadOptions): Promise<LoadFigures> {
  const servers = [await createFaultServer(), await createFaultServer()];
  for (const server of servers) server.use(healthyAtOnce);
  return await run(servers, options, (sent) => {
    if (sent === Math.floor(options.requests / 3)) void servers[0]!.close();
  });
}

async function run(servers: readonly FaultServer[], options: LoadOptions, onSent: (sent: number) => void): Promise<LoadFigures> {
  const names = servers.map((_, index) => `p${index}`);
  const provider = ({ url }: FaultServer, index: number): string =>
    `  ${names[index]}: { protocols: [openai-chat, openai-responses], base_url: "${url}/v1", api_key: k }\n`;
  const gateway = await startGateway({
    config: `providers:\n${servers.map(provider).join("")}model_provider_routes: { "m*": [${names.join(", ")}] }\n`,
  });
  try {
    // Each provider has been asked for its models.
    await Promise.all(servers.map((server) => server.waitForRequests(1)));
    const listings = servers.reduce((sum, { requests }) => sum + requests.length, 0);
    const answers = await askAll(gateway, options, onSent);
    return {
      requests: answers.length,
      attempts: servers.reduce((sum, { requests }) => sum + requests.length, 0) - listings,
      rows: (await gateway.rows()).length,
      errors: answers.filter(({ status, how }) => status !== 200 || how !== "whole").length,
      failedOver: answers.filter(({ headers }) => Number(headers["x-tokligence-attempts"]) > 1).length,
    };
  } finally {
    await gateway.stop();
    for (const server of servers) await server.close();
  }
}

/** Every dialect, whole and streamed, in turn. */
async function askAll(gateway: TestGateway, { requests, width }: LoadOptions, onSent: (sent: number) => void): Promise<Seen[]> {
  const { key } = await gateway.createKey();
  const answers: Seen[] = [];
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < requests) {
      const index = sent++;
      onSent(index);
      const dialect = dialects[index % dialects.length]!;
      answers.push(await ask(gateway, key, dialect, Math.floor(index / dialects.length) % 2 === 1, undefined, "m1"));
    }
  };
  await Promise.all(Array.from({ length: width }, client));
  return answers;
}
