import { utf8OfLatin1 } from "../../core/index.ts";
import type { JudgedContext } from "../../policy/index.ts";
import type { RequestFacts } from "../request-facts.ts";

/** A classifier gets this much of what was asked. */
const maxPrompt = 4000;

/** What classifiers learn beside the texts. The prompt is read only if one of them asks for it. */
export function createContext(
  { request, exchange }: { readonly request: RequestFacts; readonly exchange: { readonly requestId: string } },
  direction: "request" | "answer",
): JudgedContext {
  let prompt: string | undefined;
  return {
    requestId: exchange.requestId,
    direction,
    user: request.principal.username,
    model: request.model,
    get prompt() {
      return direction === "request" ? undefined : (prompt ??= readPrompt(request).slice(-maxPrompt));
    },
  };
}

/** The texts of the last message of the user; nothing if there is none. */
function readPrompt({ protocol, text, route }: RequestFacts): string {
  try {
    const { messages } = protocol.parseRequest(JSON.parse(utf8OfLatin1(text)), route);
    const last = messages.findLast(({ role }) => role === "user");
    return (last?.content ?? []).flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
  } catch {
    return ""; // A request that goes to its own protocol's provider is not parsed, and may have what the neutral form has not.
  }
}
