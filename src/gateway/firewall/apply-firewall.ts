import { GatewayError } from "../../core/index.ts";
import { describeCounts, type Finding } from "../../policy/index.ts";
import type { ModelCall } from "../model-call.ts";
import type { RestoringExchange } from "./restoring-exchange.ts";

/**
 * Looks through the request, once all of its conversation is there and before anything of it is sent, cached or kept: every lane, target and fallback gets the masked
 * body alone.
 * @throws GatewayError `firewall_blocked`.
 */
export function applyFirewall(call: ModelCall, exchange: RestoringExchange | undefined): void {
  const { request, current, deps } = call;
  if (current.firewall === undefined || request.text === "") return;
  const verdict = current.firewall.check(request.text, request.principal.username, request.model);
  if (verdict === undefined) return;
  const { findings, masked, placeholders } = verdict;
  call.findings = findings;
  deps.firewallCounts.add(findings);
  deps.logger.warn(
    { request_id: call.exchange.requestId, user_id: request.principal.userId, found: findings.map(describeFinding) },
    "the firewall found something in a request",
  );
  const blocking = findings.find(({ action }) => action === "block");
  if (blocking !== undefined) {
    throw new GatewayError(
      "firewall_blocked",
      `The firewall's rule "${blocking.rule}" does not let this request out: it contains ${describeCounts(blocking.counts)}.`,
    );
  }
  if (masked === undefined) return;
  request.replaceBody(masked);
  exchange?.restore(placeholders);
}

/** `no-personal-data mask: email 2`. */
export function describeFinding({ rule, action, counts }: Finding): string {
  return `${rule} ${action}: ${describeCounts(counts)}`;
}
