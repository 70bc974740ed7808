/** The workloads of the bench. What they ask for is fixed here; who answers is a target's matter. */
export const WORKLOAD_NAMES = ["W1", "W2", "W3", "W4p", "W5p", "W6"] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

/** A figure to meet: a multiple of nginx, or µs on a machine where nginx takes 21 µs for W2. */
interface Limits {
  readonly unit: "x nginx" | "us";
  readonly firstGate: number;
  readonly goal: number;
}

export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  readonly dialect: "openai-chat" | "anthropic-messages";
  readonly stream: boolean;
  readonly path: string;
  readonly body: string;
  readonly limits: Limits;
  /** The workload of the plain proxy in the same round: this one, or W2 if the proxy cannot serve this one. */
  readonly yardstick: WorkloadName;
}

/** The model that the upstream serves, in the gateway's configuration. */
export const BENCH_MODEL = "bench-model";
/** What nginx took for W2, in µs, when the limits in µs were set. */
export const NGINX_W2_US = 21;
/** Pieces of text in a stream of the upstream. */
const STREAM_PIECES = 30;

const SMALL_QUESTION = "What does the quick brown fox do, and how often? Answer in one sentence.";
const LONG_BODY_BYTES = 100_000;

/** Turns of about 1 KB, with line breaks and quotes as real conversations have them, until the body has 100 KB. */
function longConversation(): readonly { role: string; content: string }[] {
  const paragraph =
    'The fox, said to be "quick" and "brown", jumps over the dog; the dog is said to be "lazy", and sleeps on.\n' +
    "Nobody has asked the dog. It might have an opinion on the matter, or on foxes, or on being jumped over.\n";
  const turns: { role: string; content: string }[] = [{ role: "system", content: "You are a patient listener." }];
  for (let size = 0, turn = 0; size < LONG_BODY_BYTES; turn++) {
    const message = { role: turn % 2 === 0 ? "user" : "assistant", content: `Turn ${turn}.\n${paragraph.repeat(5)}` };
    turns.push(message);
    size += JSON.stringify(message).length + 1;
  }
  return [...turns, { role: "user", content: SMALL_QUESTION }];
}

function chat(model: string, extra: object, messages: readonly object[] = [{ role: "user", content: SMALL_QUESTION }]): string {
  return JSON.stringify({ model, messages, max_tokens: 256, temperature: 0.5, ...extra });
}

function messages(extra: object): string {
  const content = [{ role: "user", content: SMALL_QUESTION }];
  return JSON.stringify({ model: BENCH_MODEL, max_tokens: 256, messages: content, ...extra });
}

const CHAT = { dialect: "openai-chat", path: "/v1/chat/completions" } as const;
const MESSAGES = { dialect: "anthropic-messages", path: "/v1/messages" } as const;

/** All workloads by name. The proxied ones ask for usage in the stream, so that everybody relays the same bytes. */
export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  W1: {
    ...CHAT,
    name: "W1",
    title: "no upstream: loopback, small body",
    stream: false,
    body: chat("loopback", {}),
    limits: { unit: "us", firstGate: 60, goal: 30 },
    yardstick: "W2",
  },
  W2: {
    ...CHAT,
    name: "W2",
    title: "forwarding, 600 bytes back",
    stream: false,
    body: chat(BENCH_MODEL, {}),
    limits: { unit: "x nginx", firstGate: 5, goal: 2.5 },
    yardstick: "W2",
  },
  W3: {
    ...MESSAGES,
    name: "W3",
    title: "translating Anthropic to OpenAI Chat",
    stream: false,
    body: messages({}),
    limits: { unit: "us", firstGate: 110, goal: 60 },
    yardstick: "W2",
  },
  W4p: {
    ...CHAT,
    name: "W4p",
    title: "forwarding a stream, 30 chunks 5 ms apart",
    stream: true,
    body: chat(BENCH_MODEL, { stream: true, stream_options: { include_usage: true } }),
    limits: { unit: "x nginx", firstGate: 2.3, goal: 1.6 },
    yardstick: "W4p",
  },
  W5p: {
    ...MESSAGES,
    name: "W5p",
    title: "translating such a stream to Anthropic",
    stream: true,
    body: messages({ stream: true }),
    limits: { unit: "us", firstGate: 1650, goal: 1050 },
    yardstick: "W2",
  },
  W6: {
    ...CHAT,
    name: "W6",
    title: "forwarding a body of 100 KB",
    stream: false,
    body: chat(BENCH_MODEL, {}, longConversation()),
    limits: { unit: "x nginx", firstGate: 5.5, goal: 2.5 },
    yardstick: "W6",
  },
};

/**
 * Why `body`, the whole body of an answer with status 200, is not what the workload asked for, or undefined. A stream must hold
 * each piece of text as an event of its own, usage, and its dialect's end.
 */
export function answerProblem(workload: Workload, body: string): string | undefined {
  const chatDialect = workload.dialect === "openai-chat";
  if (!workload.stream) {
    const wanted = chatDialect ? '"choices"' : '"stop_reason"';
    if (!body.startsWith("{") || !body.includes(wanted)) return `no ${wanted} in the answer: ${body.slice(0, 300)}`;
    JSON.parse(body);
    return undefined;
  }
  const pieces = body.split("\n").filter((line) => line.startsWith("data:") && /word\d\d/.test(line)).length;
  if (pieces !== STREAM_PIECES) return `${pieces} pieces of text where ${STREAM_PIECES} were sent: ${body.slice(0, 300)}`;
  if (!/"(completion_tokens|output_tokens)":\s*30/.test(body)) return `no usage in the stream: ${body.slice(-500)}`;
  const end = chatDialect ? "data: [DONE]" : '"message_stop"';
  return body.slice(-200).includes(end) ? undefined : `the stream does not end with ${end}: ${body.slice(-300)}`;
}
