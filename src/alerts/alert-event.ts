/** What alerts are about. Other rooms raise those of their own subject. */
export const alertKinds = [
  "budget_warned",
  "budget_stopped",
  "unpriced_model",
  "unusual_spend",
  "ledger_lag",
  "model_changed",
  "test",
] as const;
export type AlertKind = (typeof alertKinds)[number];

/** Something that an operator wants to hear of. */
export interface AlertEvent {
  readonly kind: AlertKind;
  /** Of what: `tag:team:search`, `openai/gpt-9`, the id of a user or budget. */
  readonly subject: string;
  /** An event of a kind and subject is raised once in each period: the beginning of a day, of a budget's month, … */
  readonly period: string;
  readonly severity: "warning" | "critical";
  /** One sentence, without secrets and without content of clients. */
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | null>>;
}

/** The identity of an event: two with the same name are one. */
export function nameOfEvent({ kind, subject, period }: AlertEvent): string {
  return `${kind} ${subject} ${period}`;
}
