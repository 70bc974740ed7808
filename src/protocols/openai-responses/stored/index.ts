/** The wire of stored responses, for a gateway that stores them if the provider does not. All functions are pure. */
export {
  asForeignItem,
  contextItems,
  conversationItems,
  itemsAt,
  mayHaveBareReferences,
  mayHaveReferences,
  parseInputItems,
  placeOf,
  readInputItems,
  referenceOf,
} from "./items.ts";
export type { ItemPlace, StoredTurn } from "./items.ts";
export { renderInputItems } from "./page.ts";
export { replayStored } from "./replay.ts";
export { asAnswerTo, asCancelled, asFailed, readEnded, readEndedStream, renderDeleted, renderPending } from "./response.ts";
export type { EndedResponse, EndStatus } from "./response.ts";
