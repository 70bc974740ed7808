import { createHmac } from "node:crypto";
import type { AlertEvent } from "./alert-event.ts";
import type { WebhookSettings } from "./section.ts";

/** What is posted to a webhook. */
export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Discord refuses longer ones (Discord developer documentation, Execute Webhook: "the message contents (up to 2000 characters)"; November 2026). */
const maxContent = 2000;

/**
 * In the webhook's format: `{"event":"budget_stopped","severity":"critical","subject":"tag:team:search","message":"…","time":"…","details":{…}}`, Slack's `{"text":"…"}`
 * or Discord's `{"content":"…"}`. With a secret, `x-tokligence-signature` is `sha256=` and the HMAC-SHA-256, in hex, of the timestamp's text, a dot and the body.
 */
export function writeWebhook(
  event: AlertEvent,
  { format, secret }: Pick<WebhookSettings, "format" | "secret">,
  nowMs: number,
): WebhookMessage {
  const body = writeBody(event, format, nowMs);
  const timestamp = String(Math.floor(nowMs / 1000));
  const headers = { "content-type": "application/json", "x-tokligence-event": event.kind, "x-tokligence-timestamp": timestamp };
  if (secret === undefined) return { headers, body };
  const signature = createHmac("sha256", secret.reveal()).update(`${timestamp}.${body}`).digest("hex");
  return { headers: { ...headers, "x-tokligence-signature": `sha256=${signature}` }, body };
}

function writeBody(event: AlertEvent, format: WebhookSettings["format"], nowMs: number): string {
  const { kind, severity, subject, message, details } = event;
  switch (format) {
    case "json":
      return JSON.stringify({ event: kind, severity, subject, message, time: new Date(nowMs).toISOString(), details });
    case "slack":
      // Slack's own marks: `<!channel>` calls everyone (Slack documentation, Formatting message text, "Escaping text", and Sending messages using incoming webhooks; November 2026).
      return JSON.stringify({ text: plainText(event).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;") });
    case "discord":
      return JSON.stringify({ content: plainText(event).slice(0, maxContent).toWellFormed(), allowed_mentions: { parse: [] } });
  }
}

/** The sentence, then a line for each detail. */
export function plainText({ message, details }: AlertEvent): string {
  return [message, ...Object.entries(details).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))].join("\n");
}
