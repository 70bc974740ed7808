import type { HeadForm } from "./head-form.ts";

const gap = String.raw`\s{1,8}`;
const scope = String.raw`(?:all|any|the|your|these|of|every|alle|deine|toutes?|les|vos|todas?|las|tus)`;
const earlier = String.raw`(?:previous|prior|above|preceding|earlier|former|existing|system|bisherigen?|vorherigen?|précédentes?|anteriores)`;
const rules = String.raw`(?:instructions?|prompts?|rules?|directions?|guidelines?|context|messages?|anweisungen|regeln|consignes|instrucciones|reglas)`;

/** Phrases by which texts try to command the model that reads them, in any case. Few, and each whole: prose about such attacks is found as well. */
export const injectionForms: readonly HeadForm[] = [
  {
    heads: ["ignore", "disregard", "forget", "override", "bypass", "ignoriere", "vergiss", "ignorez", "oubliez", "ignora", "olvida"],
    rest: [
      `${gap}(?:${scope}${gap}){0,3}${earlier}${gap}(?:${scope}${gap}){0,2}${rules}`,
      String.raw`${gap}(?:${scope}${gap}){1,3}${rules}${gap}(?:${earlier}|given|you)\b`,
      `${gap}(?:${scope}${gap}){0,2}${rules}${gap}(?:précédentes|anteriores)`,
    ].join("|"),
  },
  {
    heads: ["reveal", "print", "show", "repeat", "output", "leak"],
    rest: String.raw`${gap}(?:me${gap})?(?:your|the)${gap}(?:(?:entire|full|hidden|secret|initial|original)${gap}){0,3}system${gap}(?:prompt|message|instructions?)`,
  },
  {
    heads: ["you are now", "you're now"],
    rest: String.raw`${gap}(?:in${gap})?(?:dan\b|developer${gap}mode|jailbroken|unrestricted|an?${gap}unrestricted)`,
  },
  { heads: ["enable", "enter", "activate"], rest: String.raw`${gap}(?:developer|god|jailbreak|dan)${gap}mode\b` },
  {
    heads: ["do not", "don't"],
    rest: String.raw`${gap}(?:tell|inform|mention${gap}(?:this|it)${gap}to|reveal${gap}(?:this|it)${gap}to)${gap}the${gap}user\b`,
  },
  { heads: ["<|"], rest: String.raw`(?:im_start|im_end|system|endofprompt|start_header_id|eot_id)\|>` },
  { heads: ["[inst]", "[/inst]", "<<sys>>"], rest: "" },
];
