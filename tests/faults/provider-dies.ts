import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { sendRaw } from "../e2e/raw-http.ts";
import { healthyJson, healthyScript, scriptFrames } from "../testbed/fault-wire.ts";

export interface ProviderDiesOptions {
  /** Of the gateway, with a model `m` whose first target is the server that dies. */
  readonly url: string;
  readonly key: string;
  readonly first: MortalServer;
  readonly perSecond: number;
  /** Before it dies, while it is dead, and after it has come back. */
  readonly phaseMs: number;
}

export interface ProviderDiesFigures {
  readonly requests: number;
  readonly client_errors: number;
  /** Of whole answers, in milliseconds: before; in the first second without the first target; after that, when its breaker is open. */
  readonly p99_ms: { readonly before: number; readonly first_second: number; readonly breaker_open: number };
  /** From the moment at which it answers again to the first request that it gets. */
  readonly back_after_ms: number;
}

/** A provider that answers at once, each answer in one write, and can be ended and started again on its port. */
export class MortalServer {
  requests = 0;
  lastRequestMs = 0;
  port = 0;
  #server: Server | undefined;

  async start(): Promise<void> {
    const whole = JSON.stringify(healthyJson("openai-chat"));
    const events = scriptFrames(healthyScript("openai-chat")).join("");
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("latin1");
      request.on("data", (text: string) => (body += text));
      request.on("end", () => {
        if (request.method === "POST") {
          this.requests += 1;
          this.lastRequestMs = performance.now();
        }
        const isStream = body.includes('"stream":true');
        response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" });
        response.end(isStream ? events : whole);
      });
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Resets its connections, and refuses new ones from now on. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }
}

interface Answer {
  readonly atMs: number;
  readonly tookMs: number;
  readonly isGood: boolean;
}

/** Sends requests at a constant rate, whether or not earlier ones have been answered, while the first of two providers dies and comes back. */
export async function providerDies(options: ProviderDiesOptions): Promise<ProviderDiesFigures> {
  const { first, phaseMs, perSecond } = options;
  const answers: Answer[] = [];
  const open = new Set<Promise<void>>();
  const beganMs = performance.now();
  const elapsed = (): number => performance.now() - beganMs;
  let sent = 0;
  const sendUntil = async (endMs: number): Promise<void> => {
    while (elapsed() < endMs) {
      for (const due = (perSecond * elapsed()) / 1000; sent < due; sent++) {
        const one: Promise<void> = ask(options, sent, answers, beganMs).finally(() => open.delete(one));
        open.add(one);
      }
      await wait(2);
    }
  };
  await sendUntil(phaseMs);
  await first.die();
  const diedMs = elapsed();
  await sendUntil(2 * phaseMs);
  const known = first.requests;
  await first.start();
  const backMs = elapsed();
  let firstSeenMs = Number.POSITIVE_INFINITY;
  for (let slice = 1; slice <= 20; slice++) {
    await sendUntil(2 * phaseMs + (slice * phaseMs) / 20);
    if (first.requests > known) firstSeenMs = Math.min(firstSeenMs, elapsed());
  }
  await Promise.all(open);
  const between = (fromMs: number, toMs: number): readonly number[] =>
    answers.filter(({ atMs, isGood }) => isGood && atMs >= fromMs && atMs < toMs).map(({ tookMs }) => tookMs);
  return {
    requests: answers.length,
    client_errors: answers.filter(({ isGood }) => !isGood).length,
    p99_ms: {
      // Without the first requests, for which code is still compiled.
      before: p99(between(phaseMs / 2, phaseMs)),
      first_second: p99(between(diedMs, diedMs + 1000)),
      breaker_open: p99(between(diedMs + 1000, backMs)),
    },
    back_after_ms: Math.round(firstSeenMs - backMs),
  };
}

async function ask({ url, key }: ProviderDiesOptions, index: number, answers: Answer[], beganMs: number): Promise<void> {
  const stream = index % 2 === 1;
  const atMs = performance.now() - beganMs;
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...(stream ? { stream: true } : {}) });
  const isGood = await sendRaw(url, {
    path: "/v1/chat/completions",
    headers: ["x-api-key", key, "content-type", "application/json"],
    body,
  }).then(
    (reply) => reply.status === 200 && reply.body.includes(stream ? "[DONE]" : '"finish_reason":"stop"') && !reply.body.includes('"error"'),
    () => false,
  );
  answers.push({ atMs, tookMs: performance.now() - beganMs - atMs, isGood });
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return Math.round((sorted[Math.floor(sorted.length * 0.99)] ?? 0) * 10) / 10;
}
