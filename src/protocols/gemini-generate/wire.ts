import type { Candidate, FinishReason, FunctionCall, GenerateContentResponseUsageMetadata, Part } from "@google/genai";

/**
 * The wire of Gemini `generateContent`. Source: the types of `@google/genai` 3.1 that describe the wire itself (`Part`, `Candidate`, …; the SDK's
 * `GenerateContentConfig` does not), and the Gemini API reference, v1beta, for the rest. Read in November 2026. The SDK's enums are strings on the
 * wire.
 */
type Wire<T> = T extends string
  ? `${T}`
  : T extends readonly (infer U)[]
    ? readonly Wire<U>[]
    : T extends object
      ? { readonly [K in keyof T]: Wire<T[K]> }
      : T;

export type WirePart = Wire<Pick<Part, "text" | "thought" | "thoughtSignature">>;
export type WireFunctionCall = Wire<Pick<FunctionCall, "id" | "name">>;
export type WireFinishReason = `${FinishReason}`;
export type WireUsage = Wire<
  Pick<
    GenerateContentResponseUsageMetadata,
    | "promptTokenCount"
    | "candidatesTokenCount"
    | "thoughtsTokenCount"
    | "cachedContentTokenCount"
    | "totalTokenCount"
    | "promptTokensDetails"
    | "cacheTokensDetails"
    | "candidatesTokensDetails"
    | "trafficType"
  >
>;
/** The end of a candidate. */
export type WireEnd = Wire<Pick<Candidate, "finishReason" | "finishMessage">>;

/** A model in a list of models. */
export interface WireModel {
  readonly name: string;
  readonly version: string;
  readonly displayName: string;
  readonly supportedGenerationMethods: readonly string[];
}

/** An error answer, or the chunk that ends a stream with an error: `google.rpc.Status` with the HTTP status as `code`. */
export interface WireError {
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly status: string;
    readonly details: readonly (WireErrorInfo | WireRetryInfo)[];
  };
}

/** `google.rpc.ErrorInfo` (google/rpc/error_details.proto). */
export interface WireErrorInfo {
  readonly "@type": "type.googleapis.com/google.rpc.ErrorInfo";
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** `google.rpc.RetryInfo`; `retryDelay` is a duration such as `5s`. */
export interface WireRetryInfo {
  readonly "@type": "type.googleapis.com/google.rpc.RetryInfo";
  readonly retryDelay: string;
}
