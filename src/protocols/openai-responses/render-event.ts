import type { WireEvent } from "./wire.ts";

/** Renders one event of a stream, with its number. */
export function renderEvent(event: WireEvent, sequence: number): string {
  const { type, ...fields } = event;
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...fields })}\n\n`;
}
