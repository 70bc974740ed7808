import * as z from "zod";
import { bytesOf, GatewayError, parseLatin1 } from "../../core/index.ts";
import { defaultDialect } from "../../protocols/index.ts";
import type { SignIn, SignInEnd, WaitingProgram } from "../../sso/index.ts";
import type { AttemptLimit } from "../http/attempt-limit.ts";
import type { HttpExchange } from "../http/exchange.ts";
import { errorHeaders } from "../http/refusal.ts";
import { readSignInCookie, sessionCookie, signInCookie } from "../http/session-cookie.ts";
import type { Route } from "../route-table.ts";
import { escapeHtml, homePolicy, renderPage } from "./home-page.ts";
import { prefersHtml } from "./home-routes.ts";

export interface SsoRoutesDeps {
  readonly signIn: SignIn;
  /** Sign-ins from one address. */
  readonly attempts: AttemptLimit;
}

const flowSeconds = 600;
const maxBodyBytes = 16 * 1024;

const noStore = ["cache-control", "no-store", "x-content-type-options", "nosniff", "referrer-policy", "no-referrer"];

/** Single sign-on: to the provider, back from it, and the key of a program that was signed in. Public, as nobody who comes here is known yet. */
export function ssoRoutes(deps: SsoRoutesDeps): Route[] {
  const common = { access: "public", dialect: defaultDialect } as const;
  return [
    {
      ...common,
      method: "GET",
      path: "/api/v1/sso",
      handle: (exchange, { query }) => asPage(exchange, () => begin(deps, exchange, query)),
    },
    {
      ...common,
      method: "GET",
      path: "/api/v1/sso-callback",
      handle: (exchange, { query }) => asPage(exchange, () => finish(deps, exchange, query)),
    },
    { ...common, method: "POST", path: "/api/v1/sso-token", handle: (exchange) => redeem(deps, exchange) },
    { ...common, method: "POST", path: "/api/v1/sso-device", handle: (exchange) => beginDevice(deps, exchange) },
    { ...common, method: "POST", path: "/api/v1/sso-device-token", handle: (exchange) => pollDevice(deps, exchange) },
    { ...common, method: "POST", path: "/api/v1/sso-logout", handle: (exchange) => signOut(deps, exchange) },
  ];
}

async function begin({ signIn, attempts }: SsoRoutesDeps, exchange: HttpExchange, query: string): Promise<void> {
  if (signIn.isConfigured) attempts.take(exchange.remoteAddress);
  const { location, cookie } = await signIn.begin(readProgram(query));
  const bound = signInCookie(cookie, { isSecure: isSecure(signIn), maxAgeSeconds: flowSeconds });
  exchange.json(302, ["location", location, "set-cookie", bound, ...noStore], "");
}

async function finish({ signIn, attempts }: SsoRoutesDeps, exchange: HttpExchange, query: string): Promise<void> {
  if (signIn.isConfigured) attempts.take(exchange.remoteAddress);
  const cookie = readSignInCookie(exchange.headers.cookie, isSecure(signIn));
  const from = { address: exchange.remoteAddress, client: exchange.headers["user-agent"] ?? "" };
  const end = await signIn.finish(query, cookie, from);
  const over = ["set-cookie", signInCookie("", { isSecure: isSecure(signIn), maxAgeSeconds: 0 })];
  if (end.kind === "program") {
    exchange.json(
      200,
      ["content-type", "text/html; charset=utf-8", "content-security-policy", homePolicy, ...over, ...noStore],
      pageOf(end),
    );
    return;
  }
  const { session, token, location } = end;
  const maxAgeSeconds = Math.floor((Date.parse(session.ends_at) - Date.parse(session.created_at)) / 1000);
  const own = ["set-cookie", sessionCookie(token, { isSecure: isSecure(signIn), maxAgeSeconds })];
  exchange.json(302, ["location", location, ...own, ...over, ...noStore], "");
}

/** People see a page in place of an error in JSON. */
async function asPage(exchange: HttpExchange, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GatewayError) || !prefersHtml(exchange.headers.accept ?? "")) throw error;
    const headers = errorHeaders(error, error.status).slice(2);
    const again = error.code === "not_found" ? "" : '\n<p><a href="sso">Try again</a></p>';
    const page = renderPage("Not signed in", `<p>${escapeHtml(error.message)}</p>${again}`);
    const type = ["content-type", "text/html; charset=utf-8", "content-security-policy", homePolicy];
    exchange.json(error.status, [...headers, ...type, ...noStore], page);
  }
}

/** The person looks before the program gets anything: a link of a stranger could lead here, too. */
function pageOf({ username, confirmation, location }: SignInEnd & { readonly kind: "program" }): string {
  return renderPage(
    "Sign in a program",
    `<p>You are <strong>${escapeHtml(username)}</strong>. A program on this machine asks to act for you. Its terminal shows this code:</p>
<pre>${escapeHtml(confirmation)}</pre>
<p>Go on only if you have started it yourself, and the codes are equal.</p>
<p><a href="${escapeHtml(location)}">Sign the program in</a></p>`,
  );
}

const programSchema = z.strictObject({
  port: z.coerce.number().int().min(1024).max(65_535),
  challenge: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  state: z.string().regex(/^[A-Za-z0-9_-]{20,100}$/),
});

/** What a program on the person's machine asks for; `undefined`: a browser signs in for itself. */
function readProgram(query: string): WaitingProgram | undefined {
  if (query === "") return undefined;
  const parsed = programSchema.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (parsed.success) return parsed.data;
  throw new GatewayError(
    "invalid_request",
    "A program that signs in sends port (of 127.0.0.1), challenge and state; a browser sends nothing.",
  );
}

const tokenSchema = z.strictObject({
  code: z.string().max(4096),
  verifier: z.string().regex(/^[A-Za-z0-9_-]{43,128}$/),
  name: z.string().min(1).max(100).optional(),
});

async function redeem({ signIn, attempts }: SsoRoutesDeps, exchange: HttpExchange): Promise<void> {
  const body = bytesOf(Buffer.concat(await exchange.readBody(maxBodyBytes)));
  if (signIn.isConfigured) attempts.take(exchange.remoteAddress);
  const parsed = tokenSchema.safeParse(signIn.isConfigured ? parseLatin1(body) : { code: "", verifier: "0".repeat(43) });
  if (!parsed.success) throw new GatewayError("invalid_request", "The body needs code and verifier, and may have name.");
  const { code, verifier, name = "command line" } = parsed.data;
  const made = await signIn.redeem(code, verifier, { name, address: exchange.remoteAddress });
  exchange.json(201, ["content-type", "application/json", ...noStore], `${JSON.stringify(made)}\n`);
}

const deviceSchema = z.strictObject({ challenge: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

/** A body of JSON. @throws GatewayError `not_found` if there is no single sign-on, `invalid_request`, `limit_reached`. */
async function readJson<T>({ signIn, attempts }: SsoRoutesDeps, exchange: HttpExchange, schema: z.ZodType<T>): Promise<T> {
  const body = bytesOf(Buffer.concat(await exchange.readBody(maxBodyBytes)));
  if (!signIn.isConfigured) throw notConfigured();
  attempts.take(exchange.remoteAddress);
  const parsed = schema.safeParse(parseLatin1(body));
  if (!parsed.success) throw new GatewayError("invalid_request", "The body is not the one of this step of a sign-in. See docs/sso.md.");
  return parsed.data;
}

function notConfigured(): GatewayError {
  return new GatewayError("not_found", "Single sign-on is not configured: auth.oidc.issuer is not set.");
}

async function beginDevice(deps: SsoRoutesDeps, exchange: HttpExchange): Promise<void> {
  const { challenge } = await readJson(deps, exchange, deviceSchema);
  const { device, userCode, verificationUri, completeUri, expiresSeconds } = await deps.signIn.beginDevice(challenge);
  const answer = {
    device,
    user_code: userCode,
    verification_uri: verificationUri,
    verification_uri_complete: completeUri,
    expires_in: expiresSeconds,
  };
  exchange.json(201, ["content-type", "application/json", ...noStore], `${JSON.stringify(answer)}\n`);
}

const deviceTokenSchema = z.strictObject({
  device: z.string().max(8192),
  verifier: z.string().regex(/^[A-Za-z0-9_-]{43,128}$/),
  name: z.string().min(1).max(100).optional(),
});

async function pollDevice(deps: SsoRoutesDeps, exchange: HttpExchange): Promise<void> {
  const { device, verifier, name = "command line" } = await readJson(deps, exchange, deviceTokenSchema);
  const made = await deps.signIn.pollDevice(device, verifier, { name, address: exchange.remoteAddress });
  const [status, answer] = made === undefined ? [202, { status: "pending" }] : [201, made];
  exchange.json(status, ["content-type", "application/json", ...noStore], `${JSON.stringify(answer)}\n`);
}

/** A form with the token, as the specification has it. Only messages that are refused count as attempts: a provider may sign out many people at once. */
async function signOut({ signIn, attempts }: SsoRoutesDeps, exchange: HttpExchange): Promise<void> {
  const body = Buffer.concat(await exchange.readBody(maxBodyBytes)).toString("latin1");
  if (!signIn.isConfigured) throw notConfigured();
  try {
    await signIn.signOut(new URLSearchParams(body).get("logout_token") ?? "", exchange.remoteAddress);
  } catch (error) {
    attempts.take(exchange.remoteAddress);
    throw error;
  }
  exchange.json(200, noStore, "");
}

function isSecure({ publicUrl }: SignIn): boolean {
  return publicUrl?.startsWith("https:") === true;
}
