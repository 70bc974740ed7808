import assert from "node:assert/strict";
import type { OperationContract } from "../../src/server/admin/contracts/contract.ts";
import { adminContracts } from "../../src/server/admin/contracts/index.ts";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { createRandom } from "../testbed/simulated-disk.ts";
import { mutate, printNode, nodeOf, type Random } from "./fuzz-mutate.ts";
import { adminSeeds, marketSeeds, modelSeeds, type Seed } from "./fuzz-seeds.ts";

export interface FuzzFigures {
  readonly bodies: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Bodies that were answered with 500, or not at all, each with what came, and what the log says of faults. */
  readonly wrong: readonly string[];
}

/** Requests under way at a time. */
const width = 16;
/** A gateway serves this many; the database of a million is not kept. */
const gatewayBodies = 50_000;
/** More are not listed. */
const mostWrong = 20;

/**
 * Sends changed requests of all dialects and of the admin API to a gateway in this process. Models: the built-in one, and one behind each protocol whose provider
 * refuses connections, so that each request is read and rendered, and 502 is the best answer.
 * @throws AssertionError if a prototype was changed.
 */
export async function fuzzBodies({ bodies, seed }: { readonly bodies: number; readonly seed: number }): Promise<FuzzFigures> {
  const random = createRandom(seed);
  const statuses: Record<string, number> = {};
  const wrong: string[] = [];
  const known = prototypes();
  for (let left = bodies; left > 0; left -= gatewayBodies) {
    const gateway = await startFuzzed();
    try {
      await fuzzGateway(gateway, { bodies: Math.min(left, gatewayBodies), random, statuses, wrong });
      wrong.push(...faultsIn(await gateway.logText()).slice(0, mostWrong));
    } finally {
      await gateway.stop();
    }
  }
  assert.deepEqual(prototypes(), known);
  return { bodies, statuses, wrong };
}

async function startFuzzed(): Promise<TestGateway> {
  const gone = await createFaultServer();
  await gone.close();
  const provider = (name: string): string =>
    `  ${name}: { protocols: [${name}], api_key: k, base_url: "${gone.url}${name.startsWith("openai") ? "/v1" : ""}", models: [to-${name}] }\n`;
  return await startGateway({
    config: `providers:\n${PROTOCOLS.map(provider).join("")}routing: { retries: 0 }\nmarket: { listen: "127.0.0.1:0" }\n`,
    logLevel: "error",
  });
}

interface Run {
  readonly bodies: number;
  readonly random: Random;
  readonly statuses: Record<string, number>;
  readonly wrong: string[];
}

async function fuzzGateway(gateway: TestGateway, { bodies, random, statuses, wrong }: Run): Promise<void> {
  const caller = await gateway.createKey("alice");
  const { user } = await gateway.createKey("victim");
  const operatorSeeds = [...adminSeeds, ...marketSeeds];
  const others = [...modelSeeds, ...operatorSeeds].map(({ body }) => body);
  const models = ["loopback", ...PROTOCOLS.map((protocol) => `to-${protocol}`)];
  let left = bodies;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const isAdmin = random() < 0.15;
      const seeds: readonly Seed[] = isAdmin ? operatorSeeds : modelSeeds;
      const { method, path, body } = seeds[Math.floor(random() * seeds.length)]!;
      const model = models[Math.floor(random() * models.length)]!;
      const fill = (text: string): string =>
        text
          .replaceAll("MODEL", model)
          .replaceAll("ID", user.id)
          .replaceAll("NAME", `user-${Math.floor(random() * 1e9)}`);
      const text = fill(mutate(body, others, random));
      const key = isAdmin ? gateway.adminKey : caller.key;
      const headers = ["x-api-key", key, "content-type", "application/json", "x-tokligence-page", "1"];
      const status = await sendRaw(gateway.url, { method, path: fill(path), headers, body: text }).then(
        (reply) => reply.status,
        (error: unknown) => String(error),
      );
      statuses[status] = (statuses[status] ?? 0) + 1;
      if ((status === 500 || typeof status === "string") && wrong.length < mostWrong)
        wrong.push(`${status} ${method} ${fill(path)} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: width }, client));
}

/** Lines of the log about the gateway's own faults. */
export function faultsIn(log: string): readonly string[] {
  return log.split("\n").filter((line) => /failed inside the gateway|a handler of an answer failed|that was not open/.test(line));
}

/** What no request may change. */
function prototypes(): unknown {
  const of = (prototype: object): readonly string[] => Reflect.ownKeys(prototype).map(String).toSorted();
  return [Object.prototype, Array.prototype, String.prototype, Function.prototype, Map.prototype].map(of);
}

/** The unchanged seeds, of which each must be read. @returns path and status of each. */
export async function sendSeeds(): Promise<{ readonly answers: readonly string[]; readonly unseeded: readonly string[] }> {
  const gateway = await startFuzzed();
  try {
    const caller = await gateway.createKey("alice");
    const { user } = await gateway.createKey("victim");
    const answers: string[] = [];
    for (const [seeds, key] of [
      [modelSeeds, caller.key],
      [adminSeeds, gateway.adminKey],
    ] as const) {
      for (const { method, path, body } of seeds) {
        const text = printNode(nodeOf(body)).replaceAll("MODEL", "loopback").replaceAll("ID", user.id).replaceAll("NAME", "carol");
        const headers = ["x-api-key", key, "content-type", "application/json", "x-tokligence-page", "1"];
        const reply = await sendRaw(gateway.url, {
          method,
          path: path.replaceAll("MODEL", "loopback").replaceAll("ID", user.id),
          headers,
          body: text,
        });
        answers.push(`${method} ${path} ${reply.status}${reply.status === 200 || reply.status === 201 ? "" : ` ${reply.body.toString()}`}`);
      }
    }
    const seeded = new Set(
      [...modelSeeds, ...adminSeeds, ...marketSeeds].map(
        ({ method, path }) => `${method} ${path.replace(/\b(?:ID|MODEL)\b/, "{}").split("?")[0]}`,
      ),
    );
    const unseeded = Object.values<OperationContract>(adminContracts)
      .filter(({ body, access }) => body !== undefined && access !== "control")
      .map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/, "{}")}`)
      .filter((place) => !seeded.has(place));
    return { answers, unseeded };
  } finally {
    await gateway.stop();
  }
}
