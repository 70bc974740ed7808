import type { CheckedIdentity, Identities } from "../accounts/index.ts";
import { createPeriodic, GatewayError, messageOf, type Clock, type Every, type Logger, type PeriodicTask } from "../core/index.ts";
import type { OidcProvider } from "./oidc-provider.ts";
import type { OidcSettings } from "./section.ts";
import { detailsOf, type SignInEvent, type SingleSignOn } from "./sign-in.ts";

export interface RecheckDeps {
  readonly current: () => { readonly settings: OidcSettings; readonly provider: OidcProvider } | undefined;
  readonly signIn: SingleSignOn;
  readonly identities: Identities;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One process checks for all that share the database. */
  readonly isPrimary: () => boolean;
  readonly onEvent: (event: SignInEvent) => void;
  readonly every?: Every;
}

const everyMs = 60_000;
/** Identities of one run. */
const mostAtOnce = 50;

/**
 * Asks the provider, between sign-ins, whether users are still what they were: their roles are renewed, and a user whom the provider does not know any more loses
 * keys and sessions. A provider that does not answer changes nothing.
 */
export function createRecheck(deps: RecheckDeps): PeriodicTask {
  const { logger, isPrimary } = deps;
  return createPeriodic({
    everyMs,
    run: async () => {
      if (isPrimary()) await checkAll(deps);
    },
    onError: (error) =>
      logger.warn({ error: messageOf(error) }, "users could not be checked at the identity provider; they stay as they are"),
    ...(deps.every === undefined ? {} : { every: deps.every }),
  });
}

async function checkAll(deps: RecheckDeps): Promise<void> {
  const { current, identities, clock, logger } = deps;
  const found = current();
  if (found === undefined) return;
  for (const identity of await identities.due(clock.now() - found.settings.checkEveryMs, mostAtOnce)) {
    if (!(await identities.claim(identity))) continue;
    try {
      await checkOne(deps, found, identity);
    } catch (error) {
      // A provider that is away will not answer for the others either.
      if (!(error instanceof GatewayError) || error.code !== "sign_in_failed") throw error;
      logger.warn({ error: error.message }, "a user could not be checked at the identity provider, and stays as it is");
    }
  }
}

type Current = NonNullable<ReturnType<RecheckDeps["current"]>>;

async function checkOne(
  { signIn, identities, onEvent }: RecheckDeps,
  { settings, provider }: Current,
  { issuer, subject, refreshToken }: CheckedIdentity,
): Promise<void> {
  const token = issuer === settings.issuer ? signIn.openRefreshToken(refreshToken) : undefined;
  // Of a provider of an earlier configuration, or sealed by a key that is gone.
  if (token === undefined) return;
  const event = { action: "sso.check", address: "", isOurs: true, outcome: "refused" } as const;
  const confirmed = await provider.refresh(token, subject);
  if (confirmed === undefined) {
    const user = await identities.end({ issuer, subject });
    onEvent({ ...event, user, details: { subject, problem: "invalid_grant" } });
    return;
  }
  try {
    await signIn.admit(confirmed, settings, false);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "sign_in_refused") throw error;
    onEvent({ ...event, user: undefined, details: detailsOf(error) });
  }
}
