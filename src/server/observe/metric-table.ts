/** A metric whose values are read from the parts of the gateway with each snapshot. */
export interface WatchedMetric {
  readonly help: string;
  /** None if omitted. */
  readonly labels?: readonly string[];
  /** How the values of several processes become one; `sum` if omitted. */
  readonly merge?: "sum" | "max";
}

/** The metrics that are read from the parts of the gateway, by their names without `tokligence_`. A name that ends in `_total` is a counter, any other a gauge. */
export const watchedMetrics: Readonly<Record<string, WatchedMetric>> = {
  active_streams: { help: "Streams under way." },
  in_flight: { help: "Model requests that are served. limits.max_in_flight limits them for each process." },
  in_flight_waiting: { help: "Model requests that wait for a moment, as limits.max_in_flight are served." },
  shed_total: {
    help: "Model requests refused with 503 before anything was done: limits.max_in_flight, an event loop that is late, little memory.",
    labels: ["reason"],
  },
  limit_refused_total: {
    help: "Requests refused by a limit, by what the limit is for and what it counts; another target may have served them then.",
    labels: ["scope", "limit"],
  },
  event_loop_delay_seconds: { help: "By how much the event loop of the busiest process is late.", merge: "max" },
  open_connections: { help: "Connections that clients have open. gateway.limits.connections limits them for each process." },
  body_bytes_in_flight: {
    help: "Bytes of the bodies of all requests that are served. gateway.limits.bodies_in_flight limits them for each process.",
  },
  breaker_state: {
    help: "Whether a target is left alone as it failed too often: 0 no, 1 a request may find out, 2 yes. The worst of all processes; targets that have been used.",
    labels: ["provider", "model", "key"],
    merge: "max",
  },
  key_cooldown_seconds: {
    help: "How long a provider's key is still left alone, as it was throttled, out of quota or refused; 0: not at all.",
    labels: ["provider", "key"],
    merge: "max",
  },
  ledger_queued_records: { help: "Ledger records that are not in the database yet." },
  journal_lag_seconds: { help: "How long the oldest ledger record that is not in the database has waited.", merge: "max" },
  ledger_open_attempts: { help: "Attempts under way." },
  ledger_healthy: { help: "Processes whose ledger takes records." },
  workers: { help: "Processes that serve requests." },
  response_cache_hits_total: { help: "Requests that were answered from the response cache." },
  response_cache_bytes: { help: "Bytes of answers in the response cache, as far as that is in memory." },
  hedged_requests_total: { help: "Requests for which a second target was asked at the same time, as the first one was silent for long." },
  hedges_won_total: { help: "Those of them that the second target has answered." },
  hedge_lost_cost_usd_total: {
    help: "Cost in US dollars of the attempts that were cancelled, as another one of their request answered first.",
  },
  firewall_observed_requests_total: {
    help: "Requests in which, or in whose answer, a rule of the firewall with `action: observe` found something.",
  },
  firewall_masked_requests_total: {
    help: "Requests that went on, or whose answer did, with placeholders in place of what a rule of the firewall found.",
  },
  firewall_blocked_requests_total: { help: "Requests, or their answers, that a rule of the firewall did not let through." },
  firewall_found_total: {
    help: "Requests, or their answers, in which a rule of the firewall found something, by what it did.",
    labels: ["rule", "action", "direction"],
  },
  firewall_unjudged_total: {
    help: "Requests and answers that a classifier of the firewall did not judge, as it failed or took too long.",
    labels: ["classifier"],
  },
  duplicate_tool_calls_noted_total: { help: "Requests with a note to the model that its agent repeats one tool call and gets one result." },
  duplicate_tool_calls_refused_total: { help: "Requests refused for repeating one tool call." },
  budget_warned_requests_total: { help: "Requests whose user or key has reached the warning of a budget." },
  budget_refused_requests_total: { help: "Requests that a budget has refused." },
  budget_used_ratio: {
    help: "The spent and reserved share of the fullest budget with a stop: 1 is all of it.",
    labels: ["subject", "period", "id"],
    merge: "max",
  },
  model_changes_total: {
    help: "Changes of a model's behaviour that were found since the start, as `tokligence models` shows them.",
    labels: ["provider", "model", "measure"],
  },
  sign_ins_total: {
    help: "Sign-ins of browsers and of the command line: with a key or over single sign-on; ok, refused, failed or unavailable.",
    labels: ["method", "outcome"],
  },
  market_relay_sellers: { help: "Sellers that are called through this gateway as a relay." },
  market_relay_connections: { help: "Connections that they have open to it." },
  market_relay_calls_in_flight: { help: "Calls that it forwards now." },
  market_relay_calls_total: {
    help: "Calls that it has forwarded whole, that were cut before their end, and that it has refused.",
    labels: ["outcome"],
  },
  market_relay_bytes_total: { help: "Bytes that it has forwarded: of requests and of answers.", labels: ["direction"] },
  bodies_dropped_total: { help: "Requests whose bodies could not be kept." },
  traces_dropped_total: { help: "Spans that could not be sent to telemetry.otlp.endpoint." },
  caller_requests_total: { help: "Requests by user and key, as far as telemetry.labels names them.", labels: ["user", "key"] },
  caller_tokens_total: { help: "Input and output tokens by user and key, as far as telemetry.labels names them.", labels: ["user", "key"] },
  caller_cost_usd_total: { help: "Cost in US dollars by user and key, as far as telemetry.labels names them.", labels: ["user", "key"] },
};

/** The key of a value in a snapshot: the name without `tokligence_`, and a line for the value of each label. */
export function watchedKey(name: string, ...labels: readonly string[]): string {
  return labels.length === 0 ? name : `${name}\n${labels.map((label) => label.replaceAll("\n", " ")).join("\n")}`;
}

/** Name and labels of a key. */
export function readWatchedKey(key: string): { readonly name: string; readonly labels: Readonly<Record<string, string>> } {
  const [name = "", ...values] = key.split("\n");
  const labels = watchedMetrics[name]?.labels ?? [];
  return { name, labels: Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""])) };
}

export function isCounter(name: string): boolean {
  return name.endsWith("_total");
}

/** The values of two processes as one. */
export function mergeWatched(key: string, one: number, other: number): number {
  const end = key.indexOf("\n");
  const name = end < 0 ? key : key.slice(0, end);
  return watchedMetrics[name]?.merge === "max" ? Math.max(one, other) : one + other;
}
