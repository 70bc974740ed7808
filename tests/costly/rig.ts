import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { startGateway, type Caller, type TestGateway } from "../e2e/harness.ts";
import { configOf, models } from "../matrix/bench.ts";
import type { Protocol } from "../testbed/scenario.ts";
import type { CostlyReply, CostlyRequest } from "./peer.ts";

/** What one request cost the gateway. */
export interface Cost extends CostlyReply {
  /** Processor time of the longest piece between two turns of the event loop, in milliseconds. */
  readonly longestMs: number;
}

/** What the upstream answers; `stream`: the client asked for a stream. */
export interface CostlyAnswer {
  readonly body: string;
  readonly contentType: string;
  readonly stream: boolean;
}

/** A gateway in this thread; its client and its upstream are in another one, so that their work is not counted. */
export interface Rig {
  cost(dialect: Protocol, upstream: Protocol, body: string, answer?: CostlyAnswer): Promise<Cost>;
  stop(): Promise<void>;
}

const paths: Readonly<Record<Protocol, string>> = {
  "openai-chat": "/v1/chat/completions",
  "openai-responses": "/v1/responses",
  "anthropic-messages": "/v1/messages",
  "gemini-generate": "/v1beta/models/MODEL:generateContent",
};

/** A short answer of each protocol. */
const answers: Readonly<Record<Protocol, string>> = {
  "openai-chat":
    '{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
  "openai-responses":
    '{"id":"resp_a","object":"response","created_at":1,"model":"m","status":"completed","output":[{"type":"message","id":"msg_a","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}',
  "anthropic-messages":
    '{"id":"msg_a","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}',
  "gemini-generate":
    '{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}',
};

export async function startRig(): Promise<Rig> {
  const peer = new Worker(new URL("peer.ts", import.meta.url));
  const [port] = (await once(peer, "message")) as [number];
  const gateway: TestGateway = await startGateway({ config: configOf(`http://127.0.0.1:${port}`) });
  const caller: Caller = await gateway.createKey("costly");
  const watch = watchLoop();
  let lastId = 0;
  return {
    async cost(dialect, upstream, body, answer) {
      const model = models[upstream];
      const isGemini = dialect === "gemini-generate";
      const path =
        isGemini && answer?.stream === true ? paths[dialect].replace("generateContent", "streamGenerateContent?alt=sse") : paths[dialect];
      const text = !isGemini && answer?.stream === true ? body.replace("{", '{"stream":true,') : body;
      const id = ++lastId;
      const request: CostlyRequest = {
        id,
        url: gateway.url + path.replace("MODEL", model),
        key: caller.key,
        body: new TextEncoder().encode(text.replace("MODEL", model)),
        answer: new TextEncoder().encode(answer?.body ?? answers[upstream]),
        contentType: answer?.contentType ?? "application/json",
      };
      const reply = replyTo(peer, id);
      peer.postMessage(request, [request.body.buffer as ArrayBuffer]);
      watch.begin();
      const got = await reply;
      return { ...got, longestMs: watch.end() };
    },
    async stop() {
      watch.stop();
      await gateway.stop();
      await peer.terminate();
    },
  };
}

/** The first reply to a request: where a body is refused, the end of the connection is a second one. */
function replyTo(peer: Worker, id: number): Promise<CostlyReply> {
  return new Promise((resolve) => {
    const take = (reply: CostlyReply): void => {
      if (reply.id !== id) return;
      peer.off("message", take);
      resolve(reply);
    };
    peer.on("message", take);
  });
}

/** Measures the processor time of this thread between two turns of its event loop. */
function watchLoop(): { begin(): void; end(): number; stop(): void } {
  let longest = 0;
  let last = used();
  let isOn = false;
  const turn = (): void => {
    const now = used();
    longest = Math.max(longest, now - last);
    last = now;
    if (isOn) setImmediate(turn);
  };
  return {
    begin() {
      longest = 0;
      last = used();
      isOn = true;
      setImmediate(turn);
    },
    end() {
      isOn = false;
      return longest / 1000;
    },
    stop() {
      isOn = false;
    },
  };
}

/** Microseconds of this thread. */
function used(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
