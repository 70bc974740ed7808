import { messageOf } from "../../core/index.ts";
import { AnswerError, connectTimeoutCode, endedCode, unsendableCode } from "../http1/answer-error.ts";
import { refusedAddressCode } from "./addresses.ts";
import type { Destination } from "./egress.ts";
import type { UpstreamFailure } from "../types.ts";

/** How far a request had got when the connection failed. */
export interface FailurePoint {
  /** The request had been written to a connection. */
  readonly sent: boolean;
  /** The answer's head had been received. */
  readonly headSeen: boolean;
}

/** Maps an error of a connection to a failure: Node's, our own, or undici's if a proxy is between. The message names the provider, the host and what to check. */
export function failureOf(error: unknown, destination: Destination, point: FailurePoint): UpstreamFailure {
  const code = codeOf(error);
  const fail = (kind: UpstreamFailure["kind"], what: string): UpstreamFailure => failure(kind, destination, what);
  switch (code) {
    case refusedAddressCode:
      return fail(
        "refused-destination",
        "resolves to a link-local or metadata address, which the gateway does not connect to. Check base_url.",
      );
    case connectTimeoutCode:
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT": // From a proxy that was asked for a tunnel.
    case "ETIMEDOUT":
      return fail(
        "connect-timeout",
        `did not accept a connection in ${destination.timeouts.connectMs} ms. Check base_url and the network; a slow one needs more in ` +
          `providers.${destination.provider}.timeouts.connect.`,
      );
    case "ECONNREFUSED":
      return fail("unreachable", "refuses connections. Check that the server runs and that base_url names its host and port.");
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return fail("unreachable", `could not be found: the name does not resolve (${code}). Check base_url and DNS.`);
    case "UND_ERR_PRX_TLS":
      return fail("certificate", "could not be reached: the proxy's certificate was not accepted. Check HTTPS_PROXY.");
    case "UND_ERR_PRX_CONN":
    case "UND_ERR_ABORTED":
      return fail(
        "unreachable",
        `could not be reached through the proxy (${messageOf(error)}). Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.`,
      );
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      if (point.headSeen) return fail("truncated", "ended the connection in the middle of its answer.");
      return fail("malformed", "sent a head that contradicts itself.");
    case "UND_ERR_HEADERS_OVERFLOW":
      return fail("malformed", "sent a head that is too large.");
    case unsendableCode:
    case "UND_ERR_INVALID_ARG":
      return fail("unreachable", `could not be called: ${messageOf(error)}.`);
    case "UND_ERR_CLOSED":
    case "UND_ERR_DESTROYED":
      return fail("aborted", "was not called: the gateway is closing its connections.");
    case "UND_ERR_SOCKET":
      // undici's messages for an answer without a request, a stray `100 Continue` or an upgrade that was not requested.
      if (/^bad (?:response|upgrade)$/.test(messageOf(error)))
        return fail("malformed", "sent something that is not an answer to the request.");
      break;
  }
  return failureWithoutCase(error, destination, point);
}

/** Of an error that is recognised by its kind, as it has one of many codes, or none. */
function failureWithoutCase(error: unknown, destination: Destination, point: FailurePoint): UpstreamFailure {
  const code = codeOf(error);
  const fail = (kind: UpstreamFailure["kind"], what: string): UpstreamFailure => failure(kind, destination, what);
  if (error instanceof AnswerError) return fail(error.kind, error.message);
  if (error instanceof Error && error.name === "HTTPParserError") {
    const reason = /\((.*)\)/.exec(error.message)?.[1] ?? "unreadable";
    if (reason === "Invalid EOF state") return fail("truncated", "ended the connection in the middle of its answer.");
    return fail("malformed", `sent something that is not HTTP (${reason}). Check base_url's scheme and port.`);
  }
  if (isCertificateCode(code)) {
    return fail(
      "certificate",
      `has a certificate that was not accepted (${code}). A private authority is trusted through NODE_EXTRA_CA_CERTS.`,
    );
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
    return fail("unreachable", `did not complete the TLS handshake (${code}). Check base_url's scheme and port.`);
  }
  if (isConnectionLoss(error)) {
    if (!point.sent) return fail("unreachable", "closed the connection before a request could be sent. Check base_url's scheme and port.");
    if (point.headSeen && code === "UND_ERR_SOCKET") return fail("truncated", "ended the connection in the middle of its answer.");
    return fail("reset", point.headSeen ? "broke the connection in the middle of its answer." : "closed the connection without an answer.");
  }
  return fail(
    point.sent ? "reset" : "unreachable",
    `could not be called (${code === "" ? messageOf(error) : code}). Check base_url and the network.`,
  );
}

function failure(kind: UpstreamFailure["kind"], destination: Destination, what: string): UpstreamFailure {
  return { kind, message: `${subjectOf(destination)} ${what}` };
}

/** `Provider openai (api.openai.com:443)`, the subject of every message. */
export function subjectOf(destination: Destination): string {
  const via = destination.proxy === undefined ? "" : ` through the proxy ${proxyHost(destination.proxy)}`;
  return `Provider ${destination.provider} (${destination.hostPort}${via})`;
}

/** The connection was closed under the request, as happens when a server closes an idle connection while a request is on its way. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ECONNRESET" || code === "EPIPE" || code === "ECONNABORTED" || code === endedCode || code === "UND_ERR_SOCKET";
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string") return code;
  return error instanceof AggregateError && error.errors.length > 0 ? codeOf(error.errors[0]) : "";
}

/** Codes of OpenSSL and Node for a certificate chain that is not accepted (nodejs.org/api/tls.html, X509 certificate error codes). */
function isCertificateCode(code: string): boolean {
  return /^(?:CERT_|CRL_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/.test(
    code,
  );
}

/** A proxy's URL may contain a password: only host and port are shown. */
function proxyHost(proxy: string): string {
  return URL.canParse(proxy) ? new URL(proxy).host : "of the environment";
}
