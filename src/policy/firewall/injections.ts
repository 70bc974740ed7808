import { findAccepted, type Finder } from "./text-match.ts";

const order = String.raw`(?:ignore|disregard|forget|override|bypass|ignoriere|vergiss|ignorez|oubliez|ignora|olvida)`;
const scope = String.raw`(?:all|any|the|your|these|of|every|alle|deine|toutes?|les|vos|todas?|las|tus)`;
const earlier = String.raw`(?:previous|prior|above|preceding|earlier|former|existing|system|bisherigen?|vorherigen?|précédentes?|anteriores)`;
const rules = String.raw`(?:instructions?|prompts?|rules?|directions?|guidelines?|context|messages?|anweisungen|regeln|consignes|instrucciones|reglas)`;

/** Phrases by which texts try to command the model that reads them. Few, and each whole: prose about such attacks is found as well. */
const phrases = [
  String.raw`\b${order}\s+(?:${scope}\s+){0,3}${earlier}\s+(?:${scope}\s+){0,2}${rules}`,
  String.raw`\b${order}\s+(?:${scope}\s+){1,3}${rules}\s+(?:${earlier}|given|you)\b`,
  String.raw`\b${order}\s+(?:${scope}\s+){0,2}${rules}\s+(?:précédentes|anteriores)`,
  String.raw`\b(?:reveal|print|show|repeat|output|leak)\s+(?:me\s+)?(?:your|the)\s+(?:entire\s+|full\s+|hidden\s+|secret\s+|initial\s+|original\s+){0,3}system\s+(?:prompt|message|instructions?)`,
  String.raw`\byou\s+are\s+now\s+(?:in\s+)?(?:dan\b|developer\s+mode|jailbroken|unrestricted|an?\s+unrestricted)`,
  String.raw`\b(?:enable|enter|activate)\s+(?:developer|god|jailbreak|dan)\s+mode\b`,
  String.raw`\bdo\s+not\s+(?:tell|inform|mention\s+(?:this|it)\s+to|reveal\s+(?:this|it)\s+to)\s+the\s+user\b`,
  String.raw`<\|(?:im_start|im_end|system|endofprompt|start_header_id|eot_id)\|>`,
  String.raw`\[/?INST\]|<<SYS>>`,
];

/** Prompt injections that use the usual words. It is a heuristic: other words pass, and a text about injections is found. */
export const findInjections: Finder = findAccepted(new RegExp(phrases.join("|"), "gi"), () => true);
