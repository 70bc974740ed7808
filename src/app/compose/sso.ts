import { createHash } from "node:crypto";
import type { AuditLog } from "../../audit/index.ts";
import { createIdentities } from "../../accounts/index.ts";
import type { Clock, IdSource, Logger, PeriodicTask } from "../../core/index.ts";
import {
  AwayError,
  createOidcProvider,
  createRecheck,
  SingleSignOn,
  type OidcFetch,
  type OidcProvider,
  type OidcSettings,
  type SignInEvent,
} from "../../sso/index.ts";
import { callOnce } from "../../upstream/index.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import type { ModelRequests } from "./model-requests.ts";
import type { Records } from "./records.ts";
import type { SignIns } from "./sign-ins.ts";

export interface ComposedSso {
  readonly signIn: SingleSignOn;
  /** Checks users between sign-ins; begun by `start`. */
  readonly recheck: PeriodicTask;
}

interface SsoParts {
  readonly records: Records;
  readonly models: ModelRequests;
  readonly current: CurrentConfiguration;
  readonly signIns: SignIns;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

export function composeSso({ records, models, current, signIns, clock, ids, logger }: SsoParts): ComposedSso {
  const { store, accounts, sessions, audit, role } = records;
  const identities = createIdentities({ store, clock, ids, onChanged: (id) => accounts.noteChange(id) });
  const fetch = createOidcFetch({ clock, logger, proxyEnv: process.env });
  let known: { readonly settings: OidcSettings; readonly provider: OidcProvider } | undefined;
  const provider = (): typeof known => {
    const { oidc } = current.settings.auth;
    // A reload makes new settings, and what is known of the provider is read again.
    if (known?.settings !== oidc) known = oidc && { settings: oidc, provider: createOidcProvider(oidc, fetch, () => clock.monotonic()) };
    return known;
  };
  const onEvent = (event: SignInEvent): void => {
    if (event.action === "sso.sign_in") signIns.count("sso", event.outcome);
    if (event.isOurs) addEntry(audit.log, event);
  };
  const signIn = new SingleSignOn({ current: provider, accounts, identities, sessions, sealer: models.deps.sealer, clock, onEvent });
  const isPrimary = (): boolean => role.isPrimary;
  return { signIn, recheck: createRecheck({ current: provider, signIn, identities, clock, logger, isPrimary, onEvent }) };
}

function addEntry(log: AuditLog | undefined, { action, outcome, user, address, details }: SignInEvent): void {
  const shown = JSON.stringify(details);
  log?.add({
    kind: "sign_in",
    action,
    subject: user?.username ?? "",
    actor: user === undefined ? "" : `${user.userId} ${user.username}`,
    keyId: user?.keyId ?? "",
    address,
    channel: address === "" ? "gateway" : "http",
    outcome: outcome === "ok" ? "ok" : `sign_in_${outcome}`,
    before: "",
    after: createHash("sha256").update(shown).digest("hex"),
    details: shown,
  });
}

/** Statuses that have no body (the Fetch standard, "null body status"). */
const bodyless = new Set([101, 103, 204, 205, 304]);

/** The library's calls to the provider, over the gateway's one way out. */
function createOidcFetch(deps: Parameters<typeof callOnce>[0]): OidcFetch {
  return async (url, { method, headers, body }) => {
    if (method !== "GET" && method !== "POST") throw new AwayError(`it wants ${method}, which is not sent`);
    const text = body === undefined || body === null ? undefined : String(body as string | URLSearchParams);
    const call = { name: "auth.oidc", url, method, headers: Object.entries(headers).flat(), body: text } as const;
    const answer = await callOnce(deps, call).catch((error: Error) => {
      throw new AwayError(error.message.replace(/^Provider auth\.oidc/, "the provider"));
    });
    if (answer.status >= 500 || answer.status === 429) throw new AwayError(`the provider answered ${answer.status}`);
    const pairs = answer.headers.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, answer.headers[i + 1] ?? ""]] : []));
    return new Response(bodyless.has(answer.status) ? null : new Uint8Array(answer.body), { status: answer.status, headers: pairs });
  };
}
