export { createKeptProofs, type KeptProofs, type KeptProofStore } from "./kept-proofs.ts";
export { openSummary } from "./open-summary.ts";
export { originOf, type ProofContent, type ProofOrigin } from "./proof-content.ts";
export { callsToFind, returnProofs } from "./return-proofs.ts";
export { AnswerSealer, EventSealer, sealBlocks, type CallProof } from "./seal-answer.ts";
export { withoutSeals } from "./strip-seals.ts";
