import type { FunctionTool } from "../ir/index.ts";

export type PromptKind = "arithmetic" | "text" | "fact" | "format" | "tool" | "open";

/** What a model has answered. */
export interface Reply {
  /** Without reasoning. */
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

/** A question of the gateway's own. It is short, and its answer is, too. */
export interface CanaryPrompt {
  /** Never used for another text: answers of all versions of the program are compared by it. */
  readonly id: string;
  readonly kind: PromptKind;
  readonly text: string;
  readonly tool?: FunctionTool;
  /** Absent: there is no right answer, and the distribution of the answers is what is looked at. */
  readonly isRight?: (reply: Reply) => boolean;
}

/** The text of an answer as it is compared: in lower case, without quotes, marks and a full stop at its end. */
export function plainText(text: string): string {
  return text
    .replace(/^[\s\S]*<\/think>/, "")
    .replaceAll(/[*`"'“”‘’]/g, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/\.$/, "")
    .toLowerCase();
}

const numberOnly = "Answer with the number only.";
const resultOnly = "Answer with the result only.";
const wordOnly = "Answer with one word only.";

function exactly(...answers: readonly string[]): (reply: Reply) => boolean {
  return ({ text }) => answers.includes(plainText(text));
}

function numeric(value: number): (reply: Reply) => boolean {
  return ({ text }) => plainText(text).replaceAll(/[,_ ]/g, "") === String(value);
}

function arithmetic(id: string, expression: string, value: number): CanaryPrompt {
  return { id, kind: "arithmetic", text: `What is ${expression}? ${numberOnly}`, isRight: numeric(value) };
}

function onText(id: string, text: string, ...answers: readonly string[]): CanaryPrompt {
  return { id, kind: "text", text, isRight: exactly(...answers) };
}

function fact(id: string, text: string, ...answers: readonly string[]): CanaryPrompt {
  return { id, kind: "fact", text, isRight: exactly(...answers) };
}

function open(id: string, text: string): CanaryPrompt {
  return { id, kind: "open", text: `${text} Answer with one word or number only.` };
}

/** The text as it is, but for space around it. */
function matches(pattern: RegExp): (reply: Reply) => boolean {
  return ({ text }) => pattern.test(text.replace(/^[\s\S]*<\/think>/, "").trim());
}

function format(id: string, text: string, pattern: RegExp): CanaryPrompt {
  return { id, kind: "format", text, isRight: matches(pattern) };
}

interface ToolPrompt {
  readonly text: string;
  readonly name: string;
  readonly description: string;
  readonly properties: Readonly<Record<string, { readonly type: string; readonly description: string }>>;
  readonly wanted: Readonly<Record<string, string | number>>;
}

function toolCall(id: string, { text, name, description, properties, wanted }: ToolPrompt): CanaryPrompt {
  const parameters = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
  return {
    id,
    kind: "tool",
    text,
    tool: { type: "function", name, description, parameters },
    isRight: ({ calls }) => calls.length === 1 && calls[0]!.name === name && isWanted(calls[0]!.arguments, wanted),
  };
}

function isWanted(text: string, wanted: ToolPrompt["wanted"]): boolean {
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given !== "object" || given === null) return false;
    const found = Object.entries(given as Readonly<Record<string, unknown>>);
    return found.length === Object.keys(wanted).length && found.every(([key, value]) => isSame(value, wanted[key]));
  } catch {
    return false;
  }
}

function isSame(given: unknown, wanted: string | number | undefined): boolean {
  return typeof given === "string" && typeof wanted === "string" ? given.toLowerCase() === wanted.toLowerCase() : given === wanted;
}

const text = (description: string): { readonly type: string; readonly description: string } => ({ type: "string", description });
const whole = (description: string): { readonly type: string; readonly description: string } => ({ type: "integer", description });

/** Some are easy for every model and some hard for most: a smaller model loses the hard ones first. */
const byKind: readonly CanaryPrompt[] = [
  arithmetic("product-2", "47 * 86", 4042),
  arithmetic("product-3", "318 * 764", 242_952),
  arithmetic("product-4", "4127 * 389", 1_605_403),
  arithmetic("product-4-4", "6083 * 7219", 43_913_177),
  arithmetic("product-5", "90817 * 46", 4_177_582),
  arithmetic("sum-3", "48297 + 7586 + 90348", 146_231),
  arithmetic("difference-6", "702413 - 98765", 603_648),
  arithmetic("quotient", "8742 / 31", 282),
  arithmetic("remainder", "the remainder of 98765 divided by 43", 37),
  arithmetic("power", "17 to the power of 3", 4913),
  onText("reverse-7", `Write the word "lantern" backwards. ${resultOnly}`, "nretnal"),
  onText("reverse-10", `Write the word "bookkeeper" backwards. ${resultOnly}`, "repeekkoob"),
  onText("count-letters", `How many times does the letter r occur in "strawberry raspberry"? ${numberOnly}`, "6"),
  onText("count-letters-long", `How many times does the letter e occur in "the evergreen trees were never felled"? ${numberOnly}`, "13"),
  onText("sort-letters", `Write the letters of the word "orange" in alphabetical order, without spaces. ${resultOnly}`, "aegnor"),
  onText("nth-letter", `What is the seventh letter of the word "thunderstorm"? Answer with the letter only.`, "r"),
  onText("initials", `Write the first letters of these words as one word: seven apples in little oval rings. ${resultOnly}`, "sailor"),
  onText("without-vowels", `Write the word "mountaineer" without its vowels. ${resultOnly}`, "mntnr"),
  onText("count-words", `How many words has this sentence: "A quick fox and two slow dogs ran over the old bridge"? ${numberOnly}`, "12"),
  fact("tungsten", "What is the chemical symbol of tungsten? Answer with the symbol only.", "w"),
  fact("hafnium", `What is the atomic number of hafnium? ${numberOnly}`, "72"),
  fact("australia", `What is the capital of Australia? ${wordOnly}`, "canberra"),
  fact("westphalia", `In which year was the Peace of Westphalia signed? ${numberOnly}`, "1648"),
  fact("iceland", "What is the international calling code of Iceland? Answer with the digits only.", "354", "+354"),
  fact("deepest-lake", `What is the name of the deepest lake of the world? ${wordOnly}`, "baikal", "lake baikal"),
  fact("heptagon", `How many diagonals has a heptagon? ${numberOnly}`, "14"),
  fact("prime", `What is the 25th prime number? ${numberOnly}`, "97"),
  format(
    "json-object",
    'Answer with a JSON object with the keys "a" and "b", both true, and nothing else.',
    /^\{\s*"a"\s*:\s*true\s*,\s*"b"\s*:\s*true\s*\}$/,
  ),
  format("upper-case", "Answer with the word ready in capital letters and nothing else, without a full stop.", /^READY$/),
  format("iso-date", "Write the third of March 2021 as a date in ISO 8601 and nothing else.", /^2021-03-03$/),
  format("three-lines", "Answer with three lines, each of which is the word go in lower case, and nothing else.", /^go\s*\ngo\s*\ngo$/),
  format(
    "six-words",
    "Write exactly six words about the sea, in lower case, separated by spaces, without marks.",
    /^[a-z]+(?: [a-z]+){5}$/,
  ),
  format("no-letter-e", "Name an animal whose English name has no letter e. Answer with that word in lower case only.", /^[a-df-z]+$/),
  toolCall("timer", {
    text: "Set a timer of 12 minutes for tea.",
    name: "set_timer",
    description: "Sets a timer.",
    properties: { minutes: whole("how long"), label: text("one word") },
    wanted: { minutes: 12, label: "tea" },
  }),
  toolCall("currency", {
    text: "How much is 250 euros in yen?",
    name: "convert_currency",
    description: "Converts an amount of money. Currencies are codes of ISO 4217.",
    properties: { amount: whole("in the first currency"), from: text("code"), to: text("code") },
    wanted: { amount: 250, from: "EUR", to: "JPY" },
  }),
  toolCall("weather", {
    text: "Will it rain in Oslo within the next 3 days?",
    name: "get_weather",
    description: "Reads a weather forecast.",
    properties: { city: text("name of the city alone"), days: whole("how many days") },
    wanted: { city: "Oslo", days: 3 },
  }),
  open("colour", "Name a colour."),
  open("number-10", "Choose a whole number from 1 to 10."),
  open("number-100", "Choose a whole number from 1 to 100."),
  open("animal", "Name an animal."),
  open("city", "Name a city."),
  open("coin", "Flip a coin: heads or tails?"),
  open("fruit", "Name a fruit."),
  open("instrument", "Name a musical instrument."),
  open("letter", "Choose a letter of the alphabet."),
  open("month", "Name a month."),
  open("country", "Name a country."),
];

/** Has no factor in common with the number of prompts, so that each comes once. */
const stride = 17;

/** In the order in which they are asked: those of a kind are apart. */
export const canaryPrompts: readonly CanaryPrompt[] = byKind.map((_, turn) => byKind[(turn * stride) % byKind.length]!);

/** A longer answer is named by its length alone. */
const longestName = 24;

/** A short form of an answer: equal answers have equal ones. */
export function nameOfAnswer(reply: Reply, isRight: boolean | undefined): string {
  if (isRight === true) return "(right)";
  if (reply.calls.length > 0) return "(call)";
  const plain = plainText(reply.text);
  if (plain === "") return "(empty)";
  return plain.length > longestName ? "(long)" : plain;
}
