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
  /** Begins a sign-in on a machine without a browser (RFC 8628). @throws GatewayError `not_found` if the provider has no such sign-in. */
  startDevice(): Promise<DeviceStart>;
  /** Waits for the person for a while. `undefined`: ask again. */
  pollDevice(start: DeviceStart): Promise<SignedIn | undefined>;
  /** The person that a message of the provider signs out. @throws GatewayError `sign_in_failed` for a message that is not the provider's, or not for this gateway. */
  readSignOut(message: string): Promise<SignOutMessage>;
  /** Where a browser ends its session at the provider; `undefined`: it has no such page. */
  signOutUrl(): Promise<URL | undefined>;
}

export interface DeviceStart {
  /** Secret: it is what the gateway asks the provider with. */
  readonly deviceCode: string;
  /** What the person types in. */
  readonly userCode: string;
  readonly verificationUri: string;
  /** With the code in it; `undefined`: the provider gives none. */
  readonly completeUri: string | undefined;
  readonly expiresSeconds: number;
  readonly intervalSeconds: number;
}

/** OpenID Connect Back-Channel Logout 1.0. */
export interface SignOutMessage {
  readonly subject: string;
  /** Of the message, which counts once. */
  readonly id: string;
}

/** One call of a program waits for the person at most this time. */
const deviceWaitMs = 20_000;
const signOutEvent = "http://schemas.openid.net/event/backchannel-logout";
/** An older message is refused. */
const signOutAgeSeconds = 600;

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
  const discovered = createDiscovery(settings, fetch, monotonic);
  return {
    async startUrl({ state, nonce, verifier }) {
      const { library, config } = await discovered();
      return library.buildAuthorizationUrl(config, {
        ...settings.authorizeParameters,
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
    async startDevice() {
      const found = await discovered();
      return await translated(() => startDevice(found, settings));
    },
    async pollDevice(start) {
      const found = await discovered();
      return await translated(() => pollDevice(found, start, settings));
    },
    async readSignOut(message) {
      const { config } = await discovered();
      return await translated(() => readSignOut(message, config.serverMetadata(), { settings, fetch }));
    },
    async signOutUrl() {
      const { library, config } = await discovered();
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined;
      return library.buildEndSessionUrl(config, { post_logout_redirect_uri: `${settings.publicUrl}/` });
    },
  };
}

/** @returns a function that reads the provider's document, at most once an hour. */
function createDiscovery(settings: OidcSettings, fetch: OidcFetch, monotonic: () => number): () => Promise<Discovered> {
  let known: { readonly atMs: number; readonly found: Promise<Discovered> } | undefined;
  return async () => {
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

async function startDevice({ library, config }: Discovered, { scopes }: OidcSettings): Promise<DeviceStart> {
  if (config.serverMetadata().device_authorization_endpoint === undefined)
    throw new GatewayError("not_found", "The identity provider has no sign-in for machines without a browser. Use `tokligence login`.");
  const started = await library.initiateDeviceAuthorization(config, { scope: scopes.join(" ") });
  return {
    deviceCode: started.device_code,
    userCode: started.user_code,
    verificationUri: started.verification_uri,
    completeUri: started.verification_uri_complete,
    expiresSeconds: started.expires_in,
    intervalSeconds: started.interval ?? 5,
  };
}

async function pollDevice(found: Discovered, start: DeviceStart, settings: OidcSettings): Promise<SignedIn | undefined> {
  const { library, config } = found;
  const { deviceCode, userCode, verificationUri, expiresSeconds, intervalSeconds } = start;
  const asked = {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: verificationUri,
    expires_in: expiresSeconds,
    interval: intervalSeconds,
  };
  const signal = AbortSignal.timeout(deviceWaitMs);
  try {
    const tokens = await library.pollDeviceAuthorizationGrant(config, asked, undefined, { signal });
    return await signedIn(found, tokens, settings);
  } catch (error) {
    if (signal.aborted && !(error instanceof library.ResponseBodyError)) return undefined;
    throw error;
  }
}

/** Checks a logout token as section 2.6 of the specification asks for. */
async function readSignOut(
  message: string,
  { issuer, jwks_uri: keys }: { readonly issuer: string; readonly jwks_uri?: string | undefined },
  { settings, fetch }: { readonly settings: OidcSettings; readonly fetch: OidcFetch },
): Promise<SignOutMessage> {
  const { createRemoteJWKSet, customFetch, jwtVerify } = await import("jose");
  if (keys === undefined) throw new GatewayError("sign_in_failed", "The identity provider names no keys (jwks_uri).");
  const get = (url: string): Promise<Response> =>
    fetch(url, { method: "GET", headers: { accept: "application/json" }, body: undefined, redirect: "manual" });
  const keySet = createRemoteJWKSet(new URL(keys), { [customFetch]: get });
  const { payload } = await jwtVerify(message, keySet, {
    issuer,
    audience: settings.clientId,
    maxTokenAge: signOutAgeSeconds,
    clockTolerance: 60,
  });
  const { sub: subject, jti: id, events, nonce } = payload;
  const isSignOut = typeof events === "object" && events !== null && Object.hasOwn(events, signOutEvent);
  if (!isSignOut || nonce !== undefined || typeof id !== "string")
    throw new GatewayError("sign_in_failed", "The message of the identity provider is not one that signs somebody out.");
  if (typeof subject !== "string")
    throw new GatewayError("sign_in_failed", "The message names a session alone. Let the provider name the subject (sub), too.");
  return { subject, id };
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
