import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { dialects } from "../faults/dialects.ts";
import { ask } from "../faults/observe.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { healthyJson, healthyScript, scriptFrames, sendStream, sendWhole, type FaultContext } from "../testbed/fault-wire.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { createRandom } from "../testbed/simulated-disk.ts";
import { faultsIn } from "./fuzz-bodies.ts";
import { mutate, type Random } from "./fuzz-mutate.ts";

export interface AnswerFigures {
  readonly answers: number;
  /** How the answers ended for the clients. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answers that a client could not read, each with its request, and what the log says of faults. */
  readonly wrong: readonly string[];
}

const width = 16;
const mostWrong = 20;
/** A gateway serves this many. */
const gatewayAnswers = 50_000;

/** Changed answers of providers of all protocols, whole and streamed, for clients of all dialects. */
export async function fuzzAnswers({ answers, seed }: { readonly answers: number; readonly seed: number }): Promise<AnswerFigures> {
  const random = createRandom(seed);
  const outcomes: Record<string, number> = {};
  const wrong: string[] = [];
  const server = await createFaultServer();
  server.use((context) => sendChanged(context, random));
  const provider = (name: string): string =>
    `  ${name}: { protocols: [${name}], api_key: k, base_url: "${server.url}${name.startsWith("openai") ? "/v1" : ""}", models: [to-${name}] }\n`;
  const config = `providers:\n${PROTOCOLS.map(provider).join("")}routing: { retries: 0 }\n`;
  try {
    for (let left = answers; left > 0; left -= gatewayAnswers) {
      const gateway = await startGateway({ config, logLevel: "error" });
      try {
        await fuzzGateway(gateway, { answers: Math.min(left, gatewayAnswers), random, outcomes, wrong });
        wrong.push(...faultsIn(await gateway.logText()).slice(0, mostWrong));
      } finally {
        await gateway.stop();
      }
    }
  } finally {
    await server.close();
  }
  return { answers, outcomes, wrong };
}

async function sendChanged(context: FaultContext, random: Random): Promise<void> {
  const { protocol, isStream, request } = context;
  const others = [healthyJson(protocol), ...eventsOf(context, true).map((event) => event.value)];
  if (request.method === "GET" || !isStream) return sendWhole(context, 200, {}, mutate(healthyJson(protocol), others, random));
  const events = eventsOf(context, random() < 0.5);
  const changed = Math.floor(random() * events.length);
  const frames = events.map(({ name, value, text }, index) => {
    if (index !== changed || value === undefined) return text;
    return `${name === undefined ? "" : `event: ${name}\n`}data: ${mutate(value, others, random)}\n\n`;
  });
  if (random() < 0.1) frames.splice(Math.floor(random() * frames.length), 1);
  return sendStream(context, frames);
}

interface Event {
  readonly text: string;
  readonly name: string | undefined;
  /** `undefined`: it is no JSON. */
  readonly value: unknown;
}

function eventsOf({ protocol }: FaultContext, withTool: boolean): readonly Event[] {
  const text = scriptFrames(healthyScript(protocol, withTool)).join("").replaceAll("\r\n", "\n");
  return text.split(/(?<=\n\n)/).map((event) => {
    const data = /^data: (\{.*\})$/m.exec(event)?.[1];
    return { text: event, name: /^event: (.*)$/m.exec(event)?.[1], value: data === undefined ? undefined : JSON.parse(data) };
  });
}

interface Run {
  readonly answers: number;
  readonly random: Random;
  readonly outcomes: Record<string, number>;
  readonly wrong: string[];
}

async function fuzzGateway(gateway: TestGateway, { answers, random, outcomes, wrong }: Run): Promise<void> {
  const { key } = await gateway.createKey("alice");
  let left = answers;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const dialect = dialects[Math.floor(random() * dialects.length)]!;
      const protocol = PROTOCOLS[Math.floor(random() * PROTOCOLS.length)]!;
      const stream = random() < 0.6;
      const name = `${dialect.id} ${stream ? "stream" : "json"} to ${protocol}`;
      try {
        const { how, status, body } = await ask(gateway, key, dialect, stream, "hi", `to-${protocol}`);
        const outcome = how === "error" ? `${how} ${status}` : how;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        const isOwn = dialect.id !== protocol;
        if ((how === "dropped" || (how === "incomplete" && isOwn)) && wrong.length < mostWrong)
          wrong.push(`${outcome}: ${name}: ${body.toString()}`);
      } catch (error) {
        // Events of the client's own protocol pass as they are.
        if (dialect.id !== protocol && wrong.length < mostWrong) wrong.push(`${name}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, client));
}
