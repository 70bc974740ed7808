import * as z from "zod";
import { Secret } from "../core/index.ts";
import { choice, duration, integer, leaf, secret, text, texts } from "../settings/index.ts";
import { alertKinds, type AlertKind } from "./alert-event.ts";

const formats = ["json", "slack", "discord"] as const;

const webhook = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe("Where messages are posted to."),
  format: z.enum(formats).default("json").describe("json: the event's own shape; slack, discord: the text that these services take."),
  secret: z.string().min(16).optional().describe("Of the signature; messages are not signed if omitted."),
  events: z.array(z.enum(alertKinds)).min(1).optional().describe("The events that are posted; all if omitted."),
});

const webhooks = leaf(z.record(z.string().min(1), webhook), {
  kind: "json",
  description:
    "Where alerts are posted to: names of yours, each with url, format (json, slack or discord), secret (of the signature, at least 16 characters) and events (all if omitted). See docs/alerts.md.",
  allowed: `a map of names, each with url, format (${formats.join(", ")}), secret and events (${alertKinds.join(", ")})`,
  sensitive: true,
}).prefault({});

const email = z
  .strictObject({
    to: texts("Who gets alerts by e-mail.", "a list of addresses").prefault([]),
    from: text("The sender's address.").optional(),
    host: text("The SMTP server.").optional(),
    port: integer("Its port.", 1, 65_535).prefault(587),
    username: text("The name to log in with; no log-in if omitted.").optional(),
    password: secret("The password of that name.").optional(),
    tls: choice("starttls: encrypted after the greeting, or not sent. tls: from the first byte. off: never.", [
      "starttls",
      "tls",
      "off",
    ]).prefault("starttls"),
  })
  .refine(({ to, from, host }) => to.length === 0 || (from !== undefined && host !== undefined), {
    message: "alerts.email needs from and host where it has to",
  })
  .describe("Alerts by e-mail.")
  .prefault({});

export const alertsSchema = z
  .strictObject({
    webhooks,
    email,
    spend_factor: integer("Spend is unusual from this multiple of that of the same weekdays before.", 2, 1000).prefault(3),
    spend_least: integer("US dollars: a day that costs less is never unusual.", 0, 1_000_000).prefault(10),
    ledger_lag: duration("An alert is raised if entries wait this long for the database.").prefault("1m"),
  })
  .describe("Who hears of budgets that are used up, models without a price, unusual spend and a late ledger. The log always does.")
  .prefault({});

export type ParsedAlerts = z.output<typeof alertsSchema>;
export type WebhookFormat = (typeof formats)[number];

export interface WebhookSettings {
  readonly name: string;
  /** May contain a secret, as Slack's do. */
  readonly url: Secret;
  readonly format: WebhookFormat;
  readonly secret: Secret | undefined;
  /** `undefined`: all. */
  readonly events: readonly AlertKind[] | undefined;
}

export interface EmailSettings {
  readonly to: readonly string[];
  readonly from: string;
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly tls: "starttls" | "tls" | "off";
}

export interface AlertsSection {
  readonly webhooks: readonly WebhookSettings[];
  readonly email: EmailSettings | undefined;
  readonly spendFactor: number;
  readonly spendLeastUsd: number;
  readonly ledgerLagMs: number;
}

export function readAlerts(parsed: ParsedAlerts): AlertsSection {
  const { to, from, host, password, username, port, tls } = parsed.email;
  return {
    webhooks: Object.entries(parsed.webhooks).map(([name, hook]) => ({
      name,
      url: new Secret(hook.url),
      format: hook.format,
      secret: hook.secret === undefined ? undefined : new Secret(hook.secret),
      events: hook.events,
    })),
    email:
      to.length === 0 || from === undefined || host === undefined
        ? undefined
        : { to, from, host, port, username, password: password === undefined ? undefined : new Secret(password), tls },
    spendFactor: parsed.spend_factor,
    spendLeastUsd: parsed.spend_least,
    ledgerLagMs: parsed.ledger_lag,
  };
}
