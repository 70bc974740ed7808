import assert from "node:assert/strict";
import { sendRaw } from "../e2e/raw-http.ts";
import type { JsonObject } from "../testbed/json.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import { models, type Bench } from "./bench.ts";
import { checkGrammar } from "./grammar.ts";
import { readEvents } from "./wire-events.ts";

/** The answer that a Responses client got. */
export interface AnsweredItems {
  readonly output: readonly JsonObject[];
  /** The items of `response.output_item.done`, as Codex reads them; of an answer in one piece its output. */
  readonly items: readonly JsonObject[];
  /** What the upstream was sent. */
  readonly sent: string;
}

export interface ResponsesAsk {
  readonly upstream: Protocol;
  readonly stream: boolean;
  readonly scenario: Scenario;
  readonly body: object;
}

/** Sends a body to `/v1/responses` for a model of an upstream that plays the scenario. */
export async function askResponses(bench: Bench, { upstream, stream, scenario, body }: ResponsesAsk): Promise<AnsweredItems> {
  bench.mock.reset();
  bench.mock.enqueue(scenario);
  const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
  const whole = { model: models[upstream], store: false, ...(stream ? { stream } : {}), ...body };
  const reply = await sendRaw(bench.gateway.url, { path: "/v1/responses", headers, body: JSON.stringify(whole) });
  const text = reply.body.toString();
  assert.equal(reply.status, 200, text);
  const sent = bench.mock.requests[0]!.body.toString();
  if (!stream) {
    const { output } = JSON.parse(text) as { output: JsonObject[] };
    return { output, items: output, sent };
  }
  checkGrammar("openai-responses", reply.body);
  const events = readEvents(text).map(
    ({ data }) => JSON.parse(data) as { type: string; item?: JsonObject; response?: { output: JsonObject[] } },
  );
  const items = events.flatMap(({ type, item }) => (type === "response.output_item.done" && item !== undefined ? [item] : []));
  return { output: events.at(-1)!.response!.output, items, sent };
}
