import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

type Claims = Record<string, unknown>;

/** A person at the provider. */
export interface Person {
  readonly sub: string;
  readonly claims: Claims;
}

/** What the provider does wrong, or an attacker in its place. */
export interface Fault {
  /** Changes of the ID token's claims. */
  readonly claims?: (claims: Claims) => Claims;
  /** Of the token's header; `none` has no signature. */
  readonly alg?: "ES256" | "none";
  /** Signs with a key that is not in the provider's list. */
  readonly hasForeignKey?: boolean;
  /** Answers of all its endpoints. */
  readonly status?: number;
  /** Groups only at the userinfo endpoint. */
  readonly hasGroupsInUserinfo?: boolean;
}

interface Grant {
  readonly person: Person;
  readonly nonce: string | undefined;
  readonly challenge: string;
  readonly redirectUri: string;
}

/** A small OpenID provider: discovery, keys, authorization code with PKCE (S256 only), refresh, userinfo. Each code counts once. */
export interface OidcIssuer {
  readonly url: string;
  /** Who is at the browser. */
  person: Person;
  fault: Fault;
  /** Calls of each path. */
  readonly calls: Map<string, number>;
  /** Refresh tokens are refused from now on. */
  refusesRefresh: boolean;
  /** A message that signs a person out (OpenID Connect Back-Channel Logout 1.0). @param changes of its claims. */
  logoutToken(sub: string, changes?: Claims): string;
  /** The person at the browser enters the code of a device; `false`: there is no such code. */
  enterCode(userCode: string): boolean;
  /** What the browser gets that opens the provider's page: the URL that it is sent back to. */
  authorize(location: string): Promise<URL>;
  close(): Promise<void>;
}

export const clientId = "gateway";
export const clientSecret = "client-secret-of-tests";

export async function createOidcIssuer(): Promise<OidcIssuer> {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const codes = new Map<string, Grant>();
  const tokens = new Map<string, Person>();
  /** Devices by their secret code; `undefined`: nobody has entered the other one. */
  const devices = new Map<string, { readonly userCode: string; person: Person | undefined }>();
  const issuer: { person: Person; fault: Fault; refusesRefresh: boolean } = {
    person: { sub: "1", claims: {} },
    fault: {},
    refusesRefresh: false,
  };
  const calls = new Map<string, number>();

  const tokenOf = (claims: Claims): string => {
    const alg = issuer.fault.alg ?? "ES256";
    const head = alg === "none" ? { alg } : { alg, kid: "own" };
    const unsigned = `${encode(head)}.${encode(claims)}`;
    if (alg === "none") return `${unsigned}.`;
    return `${unsigned}.${signed(unsigned, issuer.fault.hasForeignKey === true ? foreign.privateKey : own.privateKey)}`;
  };
  const idToken = (person: Person, nonce: string | undefined): string => {
    const now = Math.floor(Date.now() / 1000);
    const { groups, ...rest } = person.claims;
    const base = { iss: url, aud: clientId, sub: person.sub, iat: now, exp: now + 300, ...(nonce === undefined ? {} : { nonce }) };
    const all = { ...base, ...rest, ...(issuer.fault.hasGroupsInUserinfo === true || groups === undefined ? {} : { groups }) };
    return tokenOf(issuer.fault.claims?.(all) ?? all);
  };

  const grant = (person: Person, nonce: string | undefined): object => {
    const [access, refresh] = [randomUUID(), randomUUID()];
    tokens.set(access, person);
    tokens.set(refresh, person);
    return { access_token: access, token_type: "Bearer", expires_in: 300, id_token: idToken(person, nonce), refresh_token: refresh };
  };

  const onToken = async (request: IncomingMessage): Promise<readonly [number, object]> => {
    const form = new URLSearchParams(await text(request));
    const credentials = form.get("client_secret") ?? decodeURIComponent(basicOf(request).split(":")[1] ?? "");
    if (credentials !== clientSecret) return [401, { error: "invalid_client" }];
    if (form.get("grant_type") === "refresh_token") {
      const person = tokens.get(form.get("refresh_token") ?? "");
      if (person === undefined || issuer.refusesRefresh) return [400, { error: "invalid_grant" }];
      return [200, grant(issuer.person.sub === person.sub ? issuer.person : person, undefined)];
    }
    if (form.get("grant_type") === "urn:ietf:params:oauth:grant-type:device_code") {
      const device = devices.get(form.get("device_code") ?? "");
      if (device === undefined) return [400, { error: "expired_token" }];
      if (device.person === undefined) return [400, { error: "authorization_pending" }];
      devices.delete(form.get("device_code") ?? "");
      return [200, grant(device.person, undefined)];
    }
    const code = form.get("code") ?? "";
    const found = codes.get(code);
    codes.delete(code);
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (found === undefined || found.challenge !== challenge || found.redirectUri !== form.get("redirect_uri"))
      return [400, { error: "invalid_grant" }];
    return [200, grant(found.person, found.nonce)];
  };

  const answer = async (request: IncomingMessage): Promise<readonly [number, object]> => {
    const path = request.url ?? "";
    calls.set(path, (calls.get(path) ?? 0) + 1);
    if (issuer.fault.status !== undefined) return [issuer.fault.status, { error: "server_error" }];
    switch (path) {
      case "/.well-known/openid-configuration":
        return [200, documentOf(url)];
      case "/keys":
        return [200, { keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "own", alg: "ES256", use: "sig" }] }];
      case "/token":
        return await onToken(request);
      case "/device": {
        const [deviceCode, userCode] = [randomUUID(), randomUUID().slice(0, 8).toUpperCase()];
        devices.set(deviceCode, { userCode, person: undefined });
        const uri = `${url}/enter`;
        const times = { expires_in: 600, interval: 0.02 };
        return [
          200,
          {
            device_code: deviceCode,
            user_code: userCode,
            verification_uri: uri,
            verification_uri_complete: `${uri}?c=${userCode}`,
            ...times,
          },
        ];
      }
      case "/userinfo": {
        const person = tokens.get((request.headers.authorization ?? "").slice("Bearer ".length));
        return person === undefined ? [401, {}] : [200, { sub: person.sub, ...person.claims }];
      }
      default:
        return [404, {}];
    }
  };

  const server = createServer((request, response) => void respond(request, response, answer));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(issuer, {
    url,
    calls,
    logoutToken(sub: string, changes: Claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
      return tokenOf({ iss: url, aud: clientId, sub, iat: now, exp: now + 120, jti: randomUUID(), events, ...changes });
    },
    enterCode(userCode: string) {
      const device = [...devices.values()].find((each) => each.userCode === userCode);
      if (device !== undefined) device.person = issuer.person;
      return device !== undefined;
    },
    authorize(location: string) {
      const { searchParams } = new URL(location);
      const back = new URL(searchParams.get("redirect_uri") ?? "");
      const challenge = searchParams.get("code_challenge");
      if (challenge === null || searchParams.get("code_challenge_method") !== "S256") throw new Error("no PKCE with S256");
      const code = randomUUID();
      codes.set(code, { person: issuer.person, nonce: searchParams.get("nonce") ?? undefined, challenge, redirectUri: back.href });
      back.search = new URLSearchParams({ code, state: searchParams.get("state") ?? "", iss: url }).toString();
      return Promise.resolve(back);
    },
    close: () => closeServer(server),
  });
}

function documentOf(url: string): object {
  return {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/keys`,
    userinfo_endpoint: `${url}/userinfo`,
    device_authorization_endpoint: `${url}/device`,
    end_session_endpoint: `${url}/sign-out`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
    authorization_response_iss_parameter_supported: true,
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: IncomingMessage) => Promise<readonly [number, object]>,
): Promise<void> {
  const [status, body] = await answer(request);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function basicOf(request: IncomingMessage): string {
  return Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function signed(unsigned: string, key: KeyObject): string {
  return sign("sha256", Buffer.from(unsigned), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
}
