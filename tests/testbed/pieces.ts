import type { ResolvedScenario, ResolvedToolCall } from "./scenario.ts";

/** One unit of streamed content; what `afterPieces` counts. */
export type Piece =
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "refusal"; readonly text: string }
  | {
      readonly kind: "tool";
      readonly call: ResolvedToolCall;
      readonly index: number;
      readonly fragment: string;
      readonly isFirst: boolean;
    };

/**
 * The content in the order a model streams it: reasoning, text, refusal, tool calls.
 * `wholeToolCalls` gives each call as one piece, for a protocol that never cuts arguments.
 */
export function planPieces(scenario: ResolvedScenario, options: { readonly wholeToolCalls?: boolean } = {}): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const text of scenario.reasoning) pieces.push({ kind: "reasoning", text });
  for (const text of scenario.text) pieces.push({ kind: "text", text });
  if (scenario.refusal !== undefined) pieces.push({ kind: "refusal", text: scenario.refusal });
  const calls = scenario.toolCalls.map((call, index) => {
    const fragments = options.wholeToolCalls === true ? [call.argumentsText] : call.fragments;
    return fragments.map((fragment, at): Piece => ({ kind: "tool", call, index, fragment, isFirst: at === 0 }));
  });
  pieces.push(...(scenario.interleaveToolCalls ? takeTurns(calls) : calls.flat()));
  return pieces;
}

function takeTurns<T>(rows: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: longest }, (_, at) => rows.flatMap((row) => row.slice(at, at + 1))).flat();
}
