import type { Accounts } from "../../accounts/index.ts";
import { parseSubject, printSubject, type Subject } from "../../core/index.ts";
import type { LimitAdmin, SubjectLimits } from "../../limits/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { limitContracts } from "./contracts/limits.ts";

export interface LimitHandlerDeps {
  readonly limits: LimitAdmin;
  readonly accounts: Accounts;
  /** Called after limits have changed. */
  readonly onChange: () => Promise<void>;
}

/** Limits on requests: all of them for admins; users read their own and those of their keys. */
export function limitHandlers({ limits, accounts, onChange }: LimitHandlerDeps): HandlersOf<typeof limitContracts> {
  return {
    "limits.list": async ({ query: { subject } }) => {
      const all = await limits.list();
      return { data: await named(accounts, subject === undefined ? all : only(all, [await subjectOf(accounts, subject)])) };
    },
    "limits.set": async ({ body: { subject, ...changes } }) => {
      const set = await limits.set(await subjectOf(accounts, subject), changes);
      await onChange();
      return (await named(accounts, [set]))[0]!;
    },
    "limits.remove": async ({ query: { subject } }) => {
      const removed = await limits.remove(await subjectOf(accounts, subject));
      await onChange();
      return (await named(accounts, [removed]))[0]!;
    },
    "me.limits.list": async ({ principal }) => {
      const keys = principal.keyId === "" ? [] : await accounts.listKeys({ user: principal.userId });
      const tags = new Set([...(principal.boundTags ?? []), ...keys.flatMap((key) => key.tags)]);
      const own: readonly Subject[] = [
        { kind: "user", name: principal.userId },
        ...keys.map((key): Subject => ({ kind: "key", name: key.id })),
        ...[...tags].map((name): Subject => ({ kind: "tag", name })),
      ];
      return { data: await named(accounts, only(await limits.list(), own)) };
    },
  };
}

function only(all: readonly SubjectLimits[], subjects: readonly Subject[]): readonly SubjectLimits[] {
  return all.filter(({ subject }) => subjects.some(({ kind, name }) => kind === subject.kind && name === subject.name));
}

/** The subject that a call names, a user or key by its id. @throws GatewayError `invalid_request`, `not_found`. */
async function subjectOf(accounts: Accounts, text: string): Promise<Subject> {
  const subject = parseSubject(text);
  if (subject.kind === "key") return { kind: "key", name: (await accounts.getKey(subject.name)).id };
  if (subject.kind !== "user") return subject;
  // The caller if authentication is off: it has no row.
  return { kind: "user", name: subject.name === "local" ? "local" : (await accounts.getUser(subject.name)).id };
}

interface NamedLimits {
  readonly kind: Subject["kind"];
  readonly subject: string;
  readonly username: string | null;
  readonly key_name: string | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly requests_per_day: number | null;
  readonly tokens_per_day: number | null;
  readonly concurrent: number | null;
}

async function named(accounts: Accounts, all: readonly SubjectLimits[]): Promise<NamedLimits[]> {
  const idsOf = (kind: Subject["kind"]): string[] => all.flatMap(({ subject }) => (subject.kind === kind ? [subject.name] : []));
  const { users, keys } = await accounts.readNames(idsOf("user"), idsOf("key"));
  return all.map(({ subject, values }) => ({
    kind: subject.kind,
    subject: printSubject(subject),
    username: subject.kind === "user" ? (users.get(subject.name) ?? subject.name) : null,
    key_name: subject.kind === "key" ? (keys.get(subject.name) ?? subject.name) : null,
    requests_per_minute: values.requests_per_minute ?? null,
    tokens_per_minute: values.tokens_per_minute ?? null,
    requests_per_day: values.requests_per_day ?? null,
    tokens_per_day: values.tokens_per_day ?? null,
    concurrent: values.concurrent ?? null,
  }));
}
