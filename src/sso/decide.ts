import type { Role } from "../accounts/index.ts";
import type { OidcSettings } from "./section.ts";

/** What a provider says about a person, as its signed token and its userinfo have it. */
export type Claims = Readonly<Record<string, unknown>>;

export type Decision =
  | { readonly role: Role; readonly username: string; readonly email: string | null }
  | { readonly role: undefined; readonly refusal: string };

/** Whether a person may use the gateway, and as what. Nothing but the configuration decides; who is in no group that it names is refused. */
export function decide(claims: Claims, settings: OidcSettings): Decision {
  const email = typeof claims["email"] === "string" ? claims["email"] : undefined;
  const isVerified = claims["email_verified"] === true || claims["email_verified"] === "true";
  if (settings.allowedDomains.length > 0) {
    const domain = email === undefined || !isVerified ? undefined : email.slice(email.lastIndexOf("@") + 1).toLowerCase();
    if (domain === undefined || !settings.allowedDomains.includes(domain))
      return { role: undefined, refusal: "the provider has verified no e-mail address of a domain in auth.oidc.allowed_domains" };
  }
  const role = roleOf(readGroups(claims, settings.groupsClaim), settings);
  if (role === undefined) return { role, refusal: "no group of the user has a role in auth.oidc.roles" };
  return { role, username: nameOf(claims, settings, email), email: isVerified && email !== undefined ? email : null };
}

function roleOf(groups: readonly string[], { roles, defaultRole }: OidcSettings): Role | undefined {
  const given = groups.filter((group) => Object.hasOwn(roles, group)).map((group) => roles[group]!);
  if (given.includes("admin")) return "admin";
  return given.length > 0 || defaultRole === "user" ? "user" : undefined;
}

/** The groups of a claim: a text, or a list of texts. */
function readGroups(claims: Claims, name: string): readonly string[] {
  const value = readClaim(claims, name);
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((group) => typeof group === "string");
}

/** A claim by its name, which may contain dots itself (`https://example.com/groups`), or by a path of names with dots between. */
export function readClaim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
}

const longestName = 60;

/** A name that a user of the gateway may have. Two people with one name get different ones, as issuer and subject distinguish people. */
function nameOf(claims: Claims, { usernameClaim }: OidcSettings, email: string | undefined): string {
  const named = [readClaim(claims, usernameClaim), email, claims["sub"]].find((value) => typeof value === "string" && value !== "");
  const name = String(named)
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9._@-]+/g, "-")
    .slice(0, longestName);
  return /^(?:local$|usr_|key_|tok_|erased-|-*$)/i.test(name) ? `user-${name}`.slice(0, longestName) : name;
}
