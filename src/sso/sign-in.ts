import { createHash, randomBytes } from "node:crypto";
import type { Accounts, Identities, IdentityUser, Session, Sessions } from "../accounts/index.ts";
import { GatewayError, type Clock, type Sealer } from "../core/index.ts";
import { decide } from "./decide.ts";
import { callbackPath, type DeviceStart, type FlowSecrets, type OidcProvider, type SignedIn } from "./oidc-provider.ts";
import type { OidcSettings } from "./section.ts";

/** A program on the person's machine that waits for the end of the sign-in (RFC 8252, section 7.3). */
export interface WaitingProgram {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** SHA-256 of what only the program knows, base64url: without that its code is worth nothing. */
  readonly challenge: string;
  /** Goes back to the program unchanged. */
  readonly state: string;
}

export interface SignInStart {
  /** The provider's page. */
  readonly location: string;
  /** For the browser: binds the answer to it. */
  readonly cookie: string;
}

export type SignInEnd =
  | { readonly kind: "browser"; readonly token: string; readonly session: Session; readonly location: string }
  | { readonly kind: "program"; readonly username: string; readonly confirmation: string; readonly location: string };

/** What became of a sign-in, for metrics and the audit trail. */
export interface SignInEvent {
  readonly action: "sso.sign_in" | "sso.check" | "sso.key" | "sso.sign_out";
  readonly outcome: "ok" | "refused" | "failed" | "unavailable";
  readonly user: IdentityUser | undefined;
  readonly address: string;
  /** It was begun here: what a stranger sends is counted, and is not worth an entry in the audit trail. */
  readonly isOurs: boolean;
  readonly details: Readonly<Record<string, string>>;
}

/** Single sign-on for browsers and for programs. Errors are `GatewayError`s. */
export interface SignIn {
  readonly isConfigured: boolean;
  readonly publicUrl: string | undefined;
  begin(program: WaitingProgram | undefined): Promise<SignInStart>;
  /** @param query of the URL that the browser came back to. */
  finish(query: string, cookie: string | undefined, from: { readonly address: string; readonly client: string }): Promise<SignInEnd>;
  /** The key of a program that was signed in. */
  redeem(code: string, verifier: string, program: ProgramName): Promise<NewKey>;
  /** Begins the sign-in of a program on a machine without a browser. @param challenge SHA-256 of what only the program knows, base64url. */
  beginDevice(challenge: string): Promise<DeviceSignIn>;
  /** The key of such a program; `undefined`: the person has not signed in yet. It takes up to 20 seconds. */
  pollDevice(device: string, verifier: string, program: ProgramName): Promise<NewKey | undefined>;
  /** A message of the provider: a person has signed out, or was signed out, there. */
  signOut(message: string, address: string): Promise<void>;
  /** Where a browser ends its session at the provider; `undefined`: there is no such page, or the provider does not answer. */
  signOutUrl(): Promise<string | undefined>;
}

type NewKey = Awaited<ReturnType<Accounts["createKey"]>>;

interface ProgramName {
  readonly name: string;
  readonly address: string;
}

export interface DeviceSignIn {
  /** Sealed: what the program asks again with. */
  readonly device: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly completeUri: string | undefined;
  readonly expiresSeconds: number;
}

export interface SignInDeps {
  /** `undefined`: there is no single sign-on. */
  readonly current: () => { readonly settings: OidcSettings; readonly provider: OidcProvider } | undefined;
  readonly accounts: Pick<Accounts, "createKey" | "getKey">;
  readonly identities: Identities;
  readonly sessions: Pick<Sessions, "create">;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly onEvent: (event: SignInEvent) => void;
}

/** A person may take this time at the provider. */
const flowMs = 10 * 60_000;
/** Until then a program's code is accepted. */
const codeMs = 2 * 60_000;

/** A message of the provider is remembered for this time, which is longer than it is accepted. */
const signOutMs = 20 * 60_000;

const scopes = { flow: "sso-flow", code: "sso-code", refresh: "sso-refresh", device: "sso-device" } as const;

interface Flow extends FlowSecrets {
  readonly id: string;
  readonly issuer: string;
  readonly endsMs: number;
  readonly program?: WaitingProgram | undefined;
}

interface Device {
  readonly start: DeviceStart;
  readonly challenge: string;
  readonly issuer: string;
  readonly endsMs: number;
}

interface Code {
  readonly id: string;
  readonly user: IdentityUser;
  readonly challenge: string;
  readonly endsMs: number;
}

export class SingleSignOn implements SignIn {
  readonly #deps: SignInDeps;

  constructor(deps: SignInDeps) {
    this.#deps = deps;
  }

  get isConfigured(): boolean {
    return this.#deps.current() !== undefined;
  }

  get publicUrl(): string | undefined {
    return this.#deps.current()?.settings.publicUrl;
  }

  async begin(program: WaitingProgram | undefined): Promise<SignInStart> {
    const { settings, provider } = this.#current();
    const secrets = { state: randomText(), nonce: randomText(), verifier: randomText() };
    const location = await provider.startUrl(secrets);
    const endsMs = this.#deps.clock.now() + flowMs;
    const flow: Flow = { ...secrets, id: randomText(), issuer: settings.issuer, endsMs, program };
    return { location: location.href, cookie: this.#deps.sealer.seal(scopes.flow, JSON.stringify(flow)) };
  }

  async finish(query: string, cookie: string | undefined, from: { readonly address: string; readonly client: string }): Promise<SignInEnd> {
    const { settings, provider } = this.#current();
    const event = { action: "sso.sign_in", address: from.address } as const;
    let isOurs = false;
    try {
      const flow = this.#openFlow(query, cookie, settings);
      isOurs = true;
      // Each flow counts once, whatever becomes of it.
      if (!(await this.#deps.identities.useOnce(flow.id, flow.endsMs))) throw failed("it was used before");
      const signedIn = await provider.finish(new URL(`${settings.publicUrl}${callbackPath}?${query}`), flow);
      const user = await this.admit(signedIn, settings, true);
      this.#deps.onEvent({ ...event, isOurs, outcome: "ok", user, details: { subject: signedIn.subject } });
      return await this.#endOf(flow, user, settings, from);
    } catch (error) {
      const code = error instanceof GatewayError ? error.code : "internal_error";
      const outcome = outcomes[code] ?? "failed";
      this.#deps.onEvent({ ...event, isOurs, outcome, user: undefined, details: detailsOf(error) });
      throw error;
    }
  }

  async redeem(code: string, verifier: string, program: ProgramName): Promise<NewKey> {
    this.#current();
    const { clock, identities } = this.#deps;
    const opened = this.#open(scopes.code, code) as Code | undefined;
    if (opened === undefined || opened.endsMs <= clock.now() || sha256(verifier) !== opened.challenge)
      throw failed("the code is not known");
    if (!(await identities.useOnce(opened.id, opened.endsMs))) throw failed("the code was used before");
    return await this.#makeKey(opened.user, program);
  }

  async beginDevice(challenge: string): Promise<DeviceSignIn> {
    const { settings, provider } = this.#current();
    const start = await provider.startDevice();
    const endsMs = this.#deps.clock.now() + start.expiresSeconds * 1000;
    const device: Device = { start, challenge, issuer: settings.issuer, endsMs };
    const { userCode, verificationUri, completeUri, expiresSeconds } = start;
    const sealed = this.#deps.sealer.seal(scopes.device, JSON.stringify(device));
    return { device: sealed, userCode, verificationUri, completeUri, expiresSeconds };
  }

  async pollDevice(device: string, verifier: string, program: ProgramName): Promise<NewKey | undefined> {
    const { settings, provider } = this.#current();
    const opened = this.#open(scopes.device, device) as Device | undefined;
    if (opened === undefined || opened.endsMs <= this.#deps.clock.now() || opened.issuer !== settings.issuer)
      throw failed("it is not known, or has expired");
    if (sha256(verifier) !== opened.challenge) throw failed("another program has begun it");
    const event = { action: "sso.sign_in", address: program.address, isOurs: true } as const;
    try {
      const signedIn = await provider.pollDevice(opened.start);
      if (signedIn === undefined) return undefined;
      const user = await this.admit(signedIn, settings, true);
      this.#deps.onEvent({ ...event, outcome: "ok", user, details: { subject: signedIn.subject, by: "device" } });
      return await this.#makeKey(user, program);
    } catch (error) {
      const outcome = outcomes[error instanceof GatewayError ? error.code : "internal_error"] ?? "failed";
      this.#deps.onEvent({ ...event, outcome, user: undefined, details: { ...detailsOf(error), by: "device" } });
      throw error;
    }
  }

  async signOut(message: string, address: string): Promise<void> {
    const { settings, provider } = this.#current();
    const { identities, clock } = this.#deps;
    const { subject, id } = await provider.readSignOut(message);
    // A message that comes again has done its work.
    if (!(await identities.useOnce(sha256(`sign-out ${id}`), clock.now() + signOutMs))) return;
    const user = await identities.signOut({ issuer: settings.issuer, subject });
    this.#deps.onEvent({ action: "sso.sign_out", outcome: "ok", isOurs: true, user, address, details: { subject } });
  }

  async #makeKey(user: IdentityUser, { name, address }: ProgramName): Promise<NewKey> {
    const made = await this.#deps.accounts.createKey({ user: user.userId, parent: user.keyId, name });
    this.#deps.onEvent({ action: "sso.key", outcome: "ok", isOurs: true, user, address, details: { key: made.id } });
    return made;
  }

  async signOutUrl(): Promise<string | undefined> {
    try {
      return (await this.#deps.current()?.provider.signOutUrl())?.href;
    } catch (error) {
      // The session here is over in any case.
      if (error instanceof GatewayError) return undefined;
      throw error;
    }
  }

  /** The user of a person, with what the provider says now. A person who may not use the gateway any more loses all keys and sessions of earlier sign-ins. */
  async admit(signedIn: SignedIn, settings: OidcSettings, isSignIn: boolean): Promise<IdentityUser> {
    const { identities, sealer, clock } = this.#deps;
    const { subject, claims, refreshToken } = signedIn;
    const { issuer } = settings;
    const decision = decide(claims, settings);
    if (decision.role === undefined) {
      const ended = await identities.end({ issuer, subject });
      const message = `The sign-in is refused: ${decision.refusal}. Ask an admin of the gateway.`;
      throw new RefusedError(message, subject, ended);
    }
    const { username, email, role } = decision;
    return await identities.admit({
      issuer,
      subject,
      username,
      email,
      role,
      isSignIn,
      keysEndMs: clock.now() + settings.keyLifetimeMs,
      refreshToken: refreshToken === undefined ? undefined : sealer.seal(scopes.refresh, refreshToken),
    });
  }

  openRefreshToken(sealed: string): string | undefined {
    return this.#deps.sealer.open(scopes.refresh, sealed);
  }

  #current(): { readonly settings: OidcSettings; readonly provider: OidcProvider } {
    const current = this.#deps.current();
    if (current === undefined) throw new GatewayError("not_found", "Single sign-on is not configured: auth.oidc.issuer is not set.");
    return current;
  }

  /** The cookie must be this gateway's own, in time, of the present provider, and of the very state that comes back. */
  #openFlow(query: string, cookie: string | undefined, settings: OidcSettings): Flow {
    const flow = cookie === undefined ? undefined : (this.#open(scopes.flow, cookie) as Flow | undefined);
    if (flow === undefined) throw failed("this browser has not begun it, or has lost the cookie of it");
    if (flow.endsMs <= this.#deps.clock.now() || flow.issuer !== settings.issuer) throw failed("it has expired");
    if (new URLSearchParams(query).get("state") !== flow.state) throw failed("it is another one than this browser has begun last");
    return flow;
  }

  async #endOf(
    flow: Flow,
    user: IdentityUser,
    settings: OidcSettings,
    from: { readonly address: string; readonly client: string },
  ): Promise<SignInEnd> {
    const { program } = flow;
    if (program === undefined) {
      const { token, session } = await this.#deps.sessions.create({ userId: user.userId, keyId: user.keyId, method: "sso", ...from });
      return { kind: "browser", token, session, location: `${settings.publicUrl}/` };
    }
    const code: Code = { id: randomText(), user, challenge: program.challenge, endsMs: this.#deps.clock.now() + codeMs };
    const sealed = this.#deps.sealer.seal(scopes.code, JSON.stringify(code));
    const query = new URLSearchParams({ code: sealed, state: program.state });
    const location = `http://127.0.0.1:${program.port}/?${query.toString()}`;
    return { kind: "program", username: user.username, confirmation: confirmationOf(program.challenge), location };
  }

  /** What was sealed: only this program seals, so it is what it wrote. */
  #open(scope: string, sealed: string): unknown {
    const text = this.#deps.sealer.open(scope, sealed);
    return text === undefined ? undefined : JSON.parse(text);
  }
}

/** The provider knows the person, who may not use the gateway. */
export class RefusedError extends GatewayError {
  readonly subject: string;
  /** The user whose keys and sessions were ended now. */
  readonly ended: IdentityUser | undefined;

  constructor(message: string, subject: string, ended: IdentityUser | undefined) {
    super("sign_in_refused", message);
    this.subject = subject;
    this.ended = ended;
  }
}

/** What a person compares: the terminal and the page show the same. */
export function confirmationOf(challenge: string): string {
  const digits = createHash("sha256").update(`confirm ${challenge}`).digest("hex").slice(0, 8).toUpperCase();
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

export function detailsOf(error: unknown): Readonly<Record<string, string>> {
  if (error instanceof RefusedError) return { subject: error.subject, ...(error.ended === undefined ? {} : { ended: error.ended.userId }) };
  return error instanceof GatewayError ? { problem: error.message } : {};
}

const outcomes: Readonly<Record<string, SignInEvent["outcome"]>> = {
  sign_in_refused: "refused",
  sign_in_unavailable: "unavailable",
  database_unavailable: "unavailable",
};

function failed(why: string): GatewayError {
  return new GatewayError("sign_in_failed", `The sign-in cannot be finished: ${why}. Begin again.`);
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
