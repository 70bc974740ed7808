import * as z from "zod";
import { Secret } from "../core/index.ts";
import { choice, duration, leaf, lifetime, secret, text, texts } from "../settings/index.ts";

const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** An URL over HTTPS, or over HTTP on this machine, without what an issuer and a base URL must not have. */
function isBaseUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, search, hash, username, password } = new URL(value);
  return (protocol === "https:" || (protocol === "http:" && loopback.test(hostname))) && `${search}${hash}${username}${password}` === "";
}

function baseUrl(description: string, example: string) {
  return leaf(z.string().refine(isBaseUrl), {
    kind: "text",
    description,
    allowed: `a URL of https (of http on this machine only) without a query, as in ${example}`,
  });
}

/** What binds the answer to the question cannot be changed. */
const ownParameters: ReadonlySet<string> = new Set([
  "client_id",
  "redirect_uri",
  "response_type",
  "response_mode",
  "scope",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
  "request",
  "request_uri",
]);

const oidc = z
  .strictObject({
    issuer: baseUrl(
      "The identity provider, as its discovery document names it; without it there is no single sign-on.",
      "https://id.example.com/realms/acme",
    ).optional(),
    client_id: text("The name of this gateway at the provider.").optional(),
    client_secret: secret("The secret of that name; none if omitted, for a public client.").optional(),
    public_url: baseUrl(
      "Where browsers reach the gateway; the provider sends them back to this URL and /api/v1/sso-callback.",
      "https://gateway.example.com",
    ).optional(),
    scopes: texts(
      "What the provider is asked for; with offline_access many give a token with which users are checked between sign-ins.",
      "a list of scopes",
    ).prefault(["openid", "profile", "email"]),
    authorize_parameters: leaf(z.record(z.string().regex(/^[a-z_]{1,40}$/), z.string().max(500)), {
      kind: "map",
      description:
        "Further parameters of the provider's page, as in { prompt: consent } or Google's { access_type: offline, prompt: consent }, without which some providers give no token for checks.",
      allowed: "a map of parameters, each with a text; none of those that the gateway sets itself",
    })
      .refine((map) => Object.keys(map).every((name) => !ownParameters.has(name)))
      .prefault({}),
    groups_claim: text("Where the provider names the groups of a user; a path has dots, as in realm_access.roles.").prefault("groups"),
    roles: leaf(z.record(z.string().min(1), z.enum(["admin", "user"])), {
      kind: "map",
      description: "The role that each group gives, admin or user; the highest of a user's groups counts.",
      allowed: "a map of groups, each with admin or user",
    }).prefault({}),
    default_role: choice("The role of users whose groups give none. none: they are refused.", ["none", "user"]).prefault("none"),
    allowed_domains: texts(
      "Domains of e-mail addresses; others, and addresses that the provider has not verified, are refused. Empty: all.",
      "a list of domains",
    ).prefault([]),
    username_claim: text("Where the name of a new user comes from; its e-mail address, or its id, where this is missing.").prefault(
      "preferred_username",
    ),
    key_lifetime: lifetime("Keys of a user end this time after the last sign-in, or check.").prefault("30d"),
    check_every: duration("How often users are checked at the provider between sign-ins, if it gives a token for that.").prefault("15m"),
  })
  .refine(({ issuer, client_id, public_url }) => issuer === undefined || (client_id !== undefined && public_url !== undefined), {
    message: "auth.oidc needs client_id and public_url beside issuer",
  })
  .refine(({ scopes }) => scopes.includes("openid"), { message: "auth.oidc.scopes needs openid" })
  .describe("Single sign-on with OpenID Connect. See docs/sso.md.")
  .prefault({});

export const authSchema = z.strictObject({ oidc }).describe("How people sign in.").prefault({});

export type ParsedAuth = z.output<typeof authSchema>;

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | undefined;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly scopes: readonly string[];
  readonly authorizeParameters: Readonly<Record<string, string>>;
  readonly groupsClaim: string;
  readonly roles: Readonly<Record<string, "admin" | "user">>;
  readonly defaultRole: "none" | "user";
  /** In lower case. */
  readonly allowedDomains: readonly string[];
  readonly usernameClaim: string;
  readonly keyLifetimeMs: number;
  readonly checkEveryMs: number;
}

export interface AuthSection {
  /** `undefined`: there is no single sign-on. */
  readonly oidc: OidcSettings | undefined;
}

export function readAuth({ oidc: parsed }: ParsedAuth): AuthSection {
  const { issuer, client_id: clientId, public_url: publicUrl, client_secret: clientSecret } = parsed;
  if (issuer === undefined || clientId === undefined || publicUrl === undefined) return { oidc: undefined };
  return {
    oidc: {
      issuer,
      clientId,
      clientSecret: clientSecret === undefined ? undefined : new Secret(clientSecret),
      publicUrl: publicUrl.replace(/\/+$/, ""),
      scopes: parsed.scopes,
      authorizeParameters: parsed.authorize_parameters,
      groupsClaim: parsed.groups_claim,
      roles: parsed.roles,
      defaultRole: parsed.default_role,
      allowedDomains: parsed.allowed_domains.map((domain) => domain.toLowerCase().replace(/^@/, "")),
      usernameClaim: parsed.username_claim,
      keyLifetimeMs: parsed.key_lifetime,
      checkEveryMs: parsed.check_every,
    },
  };
}
