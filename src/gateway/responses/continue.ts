import type { Principal } from "../../accounts/index.ts";
import { applyEdits, GatewayError, latin1OfUtf8, type Edit, asBytes } from "../../core/index.ts";
import { storedResponses, type Envelope } from "../../protocols/index.ts";
import type { ChainTurn } from "../../store/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { isHeavy, nextTurn } from "../bodies/heavy-body.ts";
import type { ModelCall } from "../model-call.ts";
import { checkValues } from "../bodies/parse-body.ts";
import { ownedResponse, pinTo } from "./stored-responses.ts";

const {
  asForeignItem,
  conversationItems,
  itemsAt,
  mayHaveBareReferences,
  mayHaveReferences,
  parseInputItems,
  placeOf,
  readInputItems,
  referenceOf,
} = storedResponses;

type Item = ReturnType<typeof parseInputItems>[number];

/** The turns and the characters that a conversation may have in all. */
export const conversationBounds = { maxTurns: 1000, maxChars: 32 * 1024 * 1024 };

/**
 * Makes a Responses request stand alone, where it goes on from what the gateway keeps: the items of the responses before it, and those it refers to, are
 * put into its `input`. What a provider keeps stays with the provider, and only that one is asked.
 * A promise only where something must be looked up.
 * @throws GatewayError `response_not_found`, `not_found` (an item), `invalid_request` if the conversation cannot be rebuilt here.
 */
export function continueConversation(call: ModelCall, attempts: readonly Attempt[]): readonly Attempt[] | Promise<readonly Attempt[]> {
  if (!call.request.protocol.storesAnswers) return attempts;
  const { previousResponseId, conversation, background } = call.request.envelope;
  const native = attempts[0]?.lane === "verbatim";
  // What a provider stores, or makes in the background, no other one can go on with; nor a provider with what the gateway does.
  const alike = attempts.length < 2 ? attempts : attempts.filter(({ lane }) => (lane === "verbatim") === native);
  if (conversation === true && !native) {
    throw new GatewayError(
      "invalid_request",
      `Conversations are kept by OpenAI alone, and the model "${call.request.model}" is served by others. Use previous_response_id, or send the items as input.`,
      { param: "conversation" },
    );
  }
  if (conversation === true && !ownsProviderAccount(call.request.principal)) {
    throw new GatewayError(
      "not_found",
      "No conversation of yours is known here: the gateway's users share the provider's account, so one user's conversation is not served to another. Use previous_response_id, or send the items as input.",
      { param: "conversation" },
    );
  }
  // A provider that keeps responses says itself what it does not know, and its requests are many.
  const refers = mayHaveReferences(call.request.text) || (!native && mayHaveBareReferences(call.request.text));
  if (previousResponseId === undefined && !refers) return conversation === true || background === true ? alike : attempts;
  return rewrite(call, alike, native);
}

/**
 * Conversations are made at the provider, with its key, so the gateway knows of none whose it is. Who has that account may name them: an admin, and the one
 * caller where auth is off.
 */
function ownsProviderAccount({ role, keyId }: Principal): boolean {
  return role === "admin" || keyId === "";
}

async function rewrite(call: ModelCall, attempts: readonly Attempt[], native: boolean): Promise<readonly Attempt[]> {
  const envelope = call.request.envelope;
  const previousId = envelope.previousResponseId;
  const previous = previousId === undefined ? undefined : await ownedResponse(call, previousId, "previous_response_id");
  const turns = previous?.isStored === true ? (await readTurns(call, previous.id)).map((turn) => restored(call, turn)) : [];
  // The provider has the conversation, with its placeholders.
  if (previous?.isStored === false) call.firewall?.goOnFrom(previous.placeholders);
  checkValues(
    call,
    turns.reduce((text, { input, response }) => text + input + response, String(call.request.text)),
  );
  if (isHeavy(call.request)) await nextTurn();
  const given = parseInputItems(readInputItems(call.request.text, envelope));
  const own = await resolveReferences(call, given, native);
  // The turn before it is named only where the gateway keeps both.
  call.continued = { previousId: turns.length > 0 ? previousId : undefined, input: JSON.stringify(own) };
  if (turns.length > 0 || own.some((item, index) => item !== given[index])) {
    const items = [...conversationItems(turns), ...own];
    replaceInput(call, envelope, native ? items.map(asForeignItem).filter((item) => item !== undefined) : items, turns.length > 0);
  }
  return previous === undefined || previous.isStored ? attempts : pinTo(call, attempts, previous, "previous_response_id");
}

/** With the client's own texts: they are masked once more, with the whole conversation. */
function restored<Turn extends Pick<ChainTurn, "input" | "response" | "placeholders">>({ firewall }: ModelCall, turn: Turn): Turn {
  const { placeholders } = turn;
  if (firewall === undefined || placeholders === undefined) return turn;
  return { ...turn, input: firewall.restoreKept(turn.input, placeholders), response: firewall.restoreKept(turn.response, placeholders) };
}

async function readTurns(call: ModelCall, id: string): Promise<readonly ChainTurn[]> {
  const chain = await call.deps.responses.chain(id, call.request.principal.userId, conversationBounds);
  if ("problem" in chain) {
    throw chain.problem === "missing"
      ? new GatewayError(
          "response_not_found",
          `The response "${chain.id}", which this conversation goes back to, is no longer kept. ${sendWhole}`,
          {
            param: "previous_response_id",
          },
        )
      : new GatewayError(
          "invalid_request",
          `The conversation behind previous_response_id has more than ${conversationBounds.maxTurns} responses or ${conversationBounds.maxChars} characters. ${sendWhole}`,
          { param: "previous_response_id" },
        );
  }
  const { status } = chain.turns.at(-1)!;
  if (status !== "completed" && status !== "incomplete") {
    const what = status === "in_progress" ? "is still in progress. Wait until it is completed" : `is ${status}. Continue the one before it`;
    throw new GatewayError("invalid_request", `The response "${id}" ${what}.`, { param: "previous_response_id" });
  }
  return chain.turns;
}

const sendWhole = "Send the conversation whole, without previous_response_id.";

/** The items with those that the gateway keeps in place of the references to them. A provider may know others, but none with an id of the gateway's own. */
async function resolveReferences(call: ModelCall, items: readonly Item[], native: boolean): Promise<readonly Item[]> {
  const known: KnownItems = new Map();
  const resolved: Item[] = [];
  let addedChars = 0;
  for (const item of items) {
    const id = referenceOf(item);
    const place = id === undefined ? undefined : placeOf(id);
    const there = place === undefined ? undefined : (await lookUp(call, place, known))[place.index];
    const found = there?.item["id"] === id ? there : undefined;
    addedChars += found?.chars ?? 0;
    if (addedChars > conversationBounds.maxChars) {
      throw new GatewayError(
        "invalid_request",
        `The items that this request refers to have more than ${conversationBounds.maxChars} characters. Send the items themselves.`,
        { param: "input" },
      );
    }
    if (id !== undefined && found === undefined && (!native || place !== undefined)) {
      throw new GatewayError(
        "not_found",
        `Item with id "${id.slice(0, 100)}" not found. Items are kept only of responses with "store" that this gateway made. Send the item itself.`,
        { param: "input" },
      );
    }
    resolved.push(found?.item ?? item);
  }
  return resolved;
}

interface KnownItem {
  readonly item: Item;
  readonly chars: number;
}

/** The items of each place, which is parsed once, however many references name it. */
type KnownItems = Map<string, readonly KnownItem[]>;

async function lookUp(
  call: ModelCall,
  { responseId, from }: NonNullable<ReturnType<typeof placeOf>>,
  known: KnownItems,
): Promise<readonly KnownItem[]> {
  const key = `${from} ${responseId}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= conversationBounds.maxTurns) {
    throw new GatewayError(
      "invalid_request",
      `The request refers to items of more than ${conversationBounds.maxTurns} responses. Send the items themselves.`,
      { param: "input" },
    );
  }
  const response = await call.deps.responses.read(responseId);
  const turn = response?.userId === call.request.principal.userId ? response : undefined;
  const items = turn === undefined ? [] : itemsAt(restored(call, turn), from);
  const found = items.map((item) => ({ item, chars: JSON.stringify(item).length }));
  known.set(key, found);
  return found;
}

/** Puts the items in place of the body's input, and takes the response that it continues out of it. */
function replaceInput(call: ModelCall, envelope: Envelope, items: readonly Item[], alone: boolean): void {
  const text = latin1OfUtf8(JSON.stringify(items));
  const { input, previous_response_id: previous } = envelope.spans;
  const edits: Edit[] = [
    input === undefined
      ? { start: envelope.insertAt, end: envelope.insertAt, text: asBytes(`"input":${text}${envelope.empty ? "" : ","}`) }
      : { ...input, text },
  ];
  if (alone && previous !== undefined) edits.push({ ...previous, text: asBytes("null") });
  call.request.replaceBody(
    applyEdits(
      call.request.text,
      edits.toSorted((a, b) => a.start - b.start),
    ),
  );
}
