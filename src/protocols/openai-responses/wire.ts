import type {
  Response,
  ResponseCustomToolCallItem,
  ResponseFunctionToolCall,
  ResponseOutputItem,
  ResponseOutputMessage,
  ResponseOutputRefusal,
  ResponseOutputText,
  ResponseReasoningItem,
  ResponseStreamEvent,
  ResponseUsage,
  Tool,
} from "openai/resources/responses/responses";

/**
 * The wire of Responses. Source: the types of the npm package `openai` 7.57 (resources/responses/responses), November 2026. `output_text` of their
 * `Response` is a convenience that the SDK adds on its side.
 */
export type WireResponse = Omit<Response, "output_text" | "output" | "usage"> & {
  output: readonly WireItem[];
  usage: ResponseUsage | null;
  store?: boolean;
};

export type WireMessageItem = ResponseOutputMessage;
export type WireAnnotation = ResponseOutputText.URLCitation;
export type WirePart = ResponseOutputText | ResponseOutputRefusal;
export type WireReasoningItem = ResponseReasoningItem;
export type WireFunctionCall = ResponseFunctionToolCall;
export type WireCustomCall = ResponseCustomToolCallItem;
export type WireItem = ResponseOutputItem;
export type WireUsage = ResponseUsage;
export type WireTool = Tool;

type Distribute<E> = E extends { sequence_number: number } ? Omit<E, "sequence_number"> : never;

/** An event before it has its number. */
export type WireEvent = Distribute<Exclude<ResponseStreamEvent, { response: Response }>> | WireResponseEvent;

export interface WireResponseEvent {
  type: "response.created" | "response.in_progress" | "response.completed" | "response.incomplete" | "response.failed";
  response: WireResponse;
}
