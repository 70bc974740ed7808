import type { Accounts } from "../../accounts/index.ts";
import { parseSubject, printSubject, type Subject } from "../../core/index.ts";
import type { LimitAdmin, SubjectLimits } from "../../limits/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { limitContracts } from "./contracts/limits.ts";
import { checkProvider, ownSubjects, subjectById } from "./subjects.ts";

export interface LimitHandlerDeps {
  readonly limits: LimitAdmin;
  readonly accounts: Accounts;
  /** Called after limits have changed. */
  readonly onChange: () => Promise<void>;
  /** Names of the configuration. */
  readonly providers: () => readonly string[];
}

/** Limits on requests: all of them for admins; users read their own and those of their keys. */
export function limitHandlers({ limits, accounts, onChange, providers }: LimitHandlerDeps): HandlersOf<typeof limitContracts> {
  return {
    "limits.list": async ({ query: { subject } }) => {
      const all = await limits.list();
      return { data: await named(accounts, subject === undefined ? all : only(all, [await subjectOf(accounts, subject)])) };
    },
    "limits.set": async ({ body: { subject, ...changes } }) => {
      checkProvider(subject, providers());
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
      return { data: await named(accounts, only(await limits.list(), await ownSubjects(accounts, principal))) };
    },
  };
}

function only(all: readonly SubjectLimits[], subjects: readonly Subject[]): readonly SubjectLimits[] {
  return all.filter(({ subject }) => subjects.some(({ kind, name }) => kind === subject.kind && name === subject.name));
}

/** The subject that a call names, a user or key by its id. @throws GatewayError `invalid_request`, `not_found`. */
async function subjectOf(accounts: Accounts, text: string): Promise<Subject> {
  return await subjectById(accounts, parseSubject(text));
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
