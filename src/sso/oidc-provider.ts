import type * as OpenIdClient from "openid-client";
import { GatewayError } from "../core/index.ts";
import { readClaim, type Claims } from "./decide.ts";
import type { OidcSettings } from "./section.ts";

/** Fetches over the gateway's one way out. It throws an `AwayError` where the server does not answer. */
export type OidcFetch = (url: string, options: OpenIdClient.CustomFetchOptions) => Promise<Response>;

/** The provider does not answer, or with an error of its own. */
export class AwayError extends Error {}

/** What binds a provider's answer to the browser that began the sign-in. */
export interface FlowSecrets {
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE (RFC 7636). */
  readonly verifier: string;
}

/** A person that the provider has signed in just now. */
export interface SignedIn {
  readonly subject: string;
  readonly claims: Claims;
  /** Undefined if the provider gave none. */
  readonly refreshToken: string | undefined;
}

/** Errors are `GatewayError`: `sign_in_unavailable` and `sign_in_failed`. */
export interface OidcProvider {
  startUrl(flow: FlowSecrets): Promise<URL>;
  /** @param answer the URL that the browser came back to. */
  finish(answer: URL, flow: FlowSecrets): Promise<SignedIn>;
  /** `undefined`: the provider does not know the person any more, or refuses. */
  refresh(refreshToken: string, subject: string): Promise<SignedIn | undefined>;
  /** Where a browser ends its session at the provider; `undefined`: it has no such page. */
  signOutUrl(): Promise<URL | undefined>;
}

export const callbackPath = "/api/v1/sso-callback";
const timeoutSeconds = 15;
/** The provider's document is read again after this time. */
const rereadMs = 3_600_000;

interface Discovered {
  readonly library: typeof OpenIdClient;
  readonly config: OpenIdClient.Configuration;
}

/** One identity provider, over openid-client, which is loaded by the first sign-in. */
export function createOidcProvider(settings: OidcSettings, fetch: OidcFetch, monotonic: () => number): OidcProvider {
  const redirectUri = `${settings.publicUrl}${callbackPath}`;
  let known: { readonly atMs: number; readonly found: Promise<Discovered> } | undefined;
  const discovered = async (): Promise<Discovered> => {
    if (known === undefined || monotonic() - known.atMs > rereadMs) known = { atMs: monotonic(), found: discover(settings, fetch) };
    const { found } = known;
    try {
      return await found;
    } catch (error) {
      if (known?.found === found) known = undefined;
      const detail = error instanceof AwayError ? error.message : reasonOf(error);
      throw new GatewayError("sign_in_unavailable", `The identity provider (auth.oidc.issuer) cannot be used: ${detail}`, { cause: error });
    }
  };
  return {
    async startUrl({ state, nonce, verifier }) {
      const { library, config } = await discovered();
      return library.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: settings.scopes.join(" "),
        state,
        nonce,
        code_challenge: await library.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
    },
    async finish(answer, { state, nonce, verifier }) {
      const { library, config } = await discovered();
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
      return await translated(async () => {
        const tokens = await library.authorizationCodeGrant(config, answer, checks);
        return await signedIn({ library, config }, tokens, settings);
      });
    },
    async refresh(refreshToken, subject) {
      const { library, config } = await discovered();
      return await translated(async () => {
        try {
          const tokens = await library.refreshTokenGrant(config, refreshToken);
          const found = await signedIn({ library, config }, tokens, settings, subject);
          return found.subject === subject ? found : undefined;
        } catch (error) {
          // The person, or the sign-in, is not known there any more (RFC 6749, section 5.2). All else may be a fault.
          if (error instanceof library.ResponseBodyError && error.error === "invalid_grant") return undefined;
          throw error;
        }
      });
    },
    async signOutUrl() {
      const { library, config } = await discovered();
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined;
      return library.buildEndSessionUrl(config, { post_logout_redirect_uri: `${settings.publicUrl}/` });
    },
  };
}

async function discover(settings: OidcSettings, fetch: OidcFetch): Promise<Discovered> {
  const library = await import("openid-client");
  const secret = settings.clientSecret?.reveal();
  const isLocal = settings.issuer.startsWith("http:");
  const config = await library.discovery(
    new URL(settings.issuer),
    settings.clientId,
    secret === undefined ? {} : { client_secret: secret },
    secret === undefined ? library.None() : undefined,
    {
      [library.customFetch]: fetch,
      timeout: timeoutSeconds,
      execute: isLocal ? [library.allowInsecureRequests] : [],
    },
  );
  // The signature of each token is checked, too, although it comes from the provider itself.
  library.enableNonRepudiationChecks(config);
  return { library, config };
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string | undefined;
  claims(): object | undefined;
}

/** Claims of the token, and those of the userinfo where the token lacks what the configuration asks for. */
async function signedIn(
  { library, config }: Discovered,
  tokens: Tokens,
  { groupsClaim, roles, allowedDomains }: OidcSettings,
  knownSubject?: string,
): Promise<SignedIn> {
  const inToken: Claims = { ...tokens.claims() };
  const subject = typeof inToken["sub"] === "string" ? inToken["sub"] : knownSubject;
  if (subject === undefined) throw new GatewayError("sign_in_failed", "The identity provider gave no ID token.");
  const lacksGroups = Object.keys(roles).length > 0 && readClaim(inToken, groupsClaim) === undefined;
  const lacksEmail = allowedDomains.length > 0 && inToken["email"] === undefined;
  const hasMore = config.serverMetadata().userinfo_endpoint !== undefined;
  const more = hasMore && (lacksGroups || lacksEmail) ? await library.fetchUserInfo(config, tokens.access_token, subject) : {};
  return { subject, claims: { ...more, ...inToken, sub: subject }, refreshToken: tokens.refresh_token };
}

/** Errors of the library as the gateway's own. Its texts may contain what the browser sent: only codes are shown. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const away = causeOf(error, AwayError);
    if (away !== undefined)
      throw new GatewayError("sign_in_unavailable", `The identity provider does not answer: ${away.message}`, { cause: error });
    throw new GatewayError("sign_in_failed", `The identity provider's answer cannot be used: ${reasonOf(error)}`, { cause: error });
  }
}

function causeOf<E extends Error>(error: unknown, type: new (message?: string) => E): E | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if (current instanceof type) return current;
    current = current.cause;
  }
  return undefined;
}

const codePattern = /^[\w.-]{1,60}$/;

/** The OAuth code of an error (`access_denied`), or the library's own. */
function reasonOf(error: unknown): string {
  const { error: oauth, code } = error as { readonly error?: unknown; readonly code?: unknown };
  const shown = [oauth, code].find((text) => typeof text === "string" && codePattern.test(text));
  const away = causeOf(error, AwayError);
  if (away !== undefined) return away.message;
  if (shown === "invalid_client") return "invalid_client. An operator has to check auth.oidc.client_id and client_secret.";
  return typeof shown === "string" ? `${shown}.` : "it is not one that a provider gives.";
}
