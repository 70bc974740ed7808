import type Anthropic from "@anthropic-ai/sdk";

/**
 * The wire of Anthropic Messages. Source: the types of `@anthropic-ai/sdk` 1.12 (`resources/messages`, `resources/models`, `resources/shared`) for
 * API version 2026-10-21; version 2023-06-01 has the same shapes with fewer fields. Read in November 2026.
 */
export type WireMessage = Anthropic.Message;
export type WireUsage = Anthropic.Usage;
export type WireDeltaUsage = Anthropic.MessageDeltaUsage;
export type WireStopReason = Anthropic.StopReason;
export type WireStopDetails = Anthropic.RefusalStopDetails;
export type WireContainer = Anthropic.Container;
export type WireModel = Anthropic.ModelInfo;
export type WireTokenCount = Anthropic.MessageTokensCount;

/** `GET /v1/models`: one page of models. */
export interface WireModelPage {
  readonly data: readonly WireModel[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

/** An error answer; inside a stream it is the data of `event: error`. `details.error_code` came with version 2026-10-21. */
export interface WireError {
  readonly type: "error";
  readonly error: { readonly type: string; readonly message: string; readonly details: { readonly error_code: string } };
  readonly request_id: string | null;
}
