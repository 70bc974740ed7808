import type { OidcIssuer } from "../testbed/oidc-issuer.ts";
import { codeOf } from "./error-code.ts";
import type { TestGateway } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";

/** What the tests of single sign-on share. */

export function person(sub: string, claims: Record<string, unknown> = {}): OidcIssuer["person"] {
  const email = { email: `${sub}@example.com`, email_verified: true };
  return { sub, claims: { preferred_username: sub, groups: ["staff"], ...email, ...claims } };
}

export function cookieOf(reply: RawReply, name: string): string {
  return (reply.headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]!).find((cookie) => cookie.startsWith(`${name}=`)) ?? "";
}

export interface Begun {
  readonly location: string;
  readonly cookie: string;
}

export function refusalOf(reply: RawReply): readonly [number, string] {
  return [reply.status, codeOf(reply, "openai-chat")];
}

/** A browser begins to sign in. */
export async function beginAt(gateway: TestGateway, query = ""): Promise<Begun> {
  const reply = await sendRaw(gateway.url, { method: "GET", path: `/api/v1/sso${query}`, headers: [] });
  return { location: reply.headers.location!, cookie: cookieOf(reply, "__Host-tokligence_sign_in") };
}

/** The path and query that the browser comes back to. */
export async function answerAt(issuer: OidcIssuer, { location }: Begun): Promise<string> {
  const url = await issuer.authorize(location);
  return `/api/v1/sso-callback${url.search}`;
}

/** @returns the headers of the browser that has signed in. */
export async function signedInAt(gateway: TestGateway, issuer: OidcIssuer, who: OidcIssuer["person"]): Promise<readonly string[]> {
  issuer.person = who;
  const begun = await beginAt(gateway);
  const reply = await sendRaw(gateway.url, { method: "GET", path: await answerAt(issuer, begun), headers: ["cookie", begun.cookie] });
  return ["cookie", cookieOf(reply, "__Secure-tokligence_session"), "x-tokligence-page", "1"];
}
