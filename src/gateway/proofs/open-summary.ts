import type { ProofContent } from "./proof-content.ts";

/** The parts of a call that a seal is opened with. */
export interface OpeningContext {
  readonly deps: { readonly sealer: { open(userId: string, sealed: string): string | undefined } };
  readonly request: { readonly principal: { readonly userId: string } };
}

/** The summary in a seal of this user's; `undefined` for anything else. */
export function openSummary({ deps, request }: OpeningContext, sealed: string): string | undefined {
  const text = deps.sealer.open(request.principal.userId, sealed);
  // Only this program seals: what opens is what it wrote.
  return text === undefined ? undefined : (JSON.parse(text) as ProofContent).summary;
}
