import { callOnce, type CallOnceDeps } from "./call-once.ts";

export interface HookMessage {
  /** Of the webhook, for messages: its URL may be a secret. */
  readonly name: string;
  /** From the configuration. No other origin is called. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Posts one message to a webhook. Redirects are not followed.
 * @returns the status of the answer. @throws Error that names the webhook and not its URL.
 */
export async function postHook(deps: CallOnceDeps, { headers, ...message }: HookMessage): Promise<number> {
  return (await callOnce(deps, { ...message, method: "POST", headers: Object.entries(headers).flat() })).status;
}
