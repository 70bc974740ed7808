import type { Accounts, Principal } from "../../accounts/index.ts";
import { GatewayError, type Subject } from "../../core/index.ts";
import { closestNames } from "../../upstream/index.ts";

/** The subject with the id of its user or key. @throws GatewayError `not_found`. */
export async function subjectById(accounts: Accounts, subject: Subject): Promise<Subject> {
  if (subject.kind === "key") return { kind: "key", name: (await accounts.getKey(subject.name)).id };
  if (subject.kind !== "user") return subject;
  // The caller if authentication is off: it has no row.
  return { kind: "user", name: subject.name === "local" ? "local" : (await accounts.getUser(subject.name)).id };
}

/** What a user may see the budgets and limits of: the user, its keys, and the tags that an admin has bound to them. */
export async function ownSubjects(accounts: Accounts, principal: Principal): Promise<readonly Subject[]> {
  const keys = principal.keyId === "" ? [] : await accounts.listKeys({ user: principal.userId });
  const tags = new Set([...(principal.boundTags ?? []), ...keys.flatMap((key) => key.tags)]);
  return [
    { kind: "user", name: principal.userId },
    ...keys.map((key): Subject => ({ kind: "key", name: key.id })),
    ...[...tags].map((name): Subject => ({ kind: "tag", name })),
  ];
}

/** A budget or limit of a name that no provider has would never count. @throws GatewayError `invalid_request`. */
export function checkProvider(subject: string | undefined, known: readonly string[]): void {
  const name = /^provider:(.*)$/.exec(subject ?? "")?.[1];
  if (name === undefined || known.includes(name)) return;
  const [nearest] = closestNames(name, known, 1);
  const hint = nearest === undefined ? `The providers are ${known.join(", ")}` : `Did you mean provider:${nearest}`;
  throw new GatewayError("invalid_request", `No provider of the configuration has this name. ${hint}${nearest === undefined ? "." : "?"}`, {
    param: "subject",
  });
}
