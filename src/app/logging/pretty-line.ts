/** Levels of the log by the numbers that its lines have. */
export const levelNames: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** A line of the log; requests have more fields than other lines. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: number; readonly time: number; readonly msg: string };

/** `undefined`: it is not a line of the gateway's log. */
export function parseLogLine(text: string): LogLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<LogLine> | null;
    const isLine = typeof line?.level === "number" && typeof line.time === "number" && typeof line.msg === "string";
    return isLine ? (line as LogLine) : undefined;
  } catch {
    // A line that was cut off, or that something else wrote into the file.
    return undefined;
  }
}

type Colour = "red" | "green" | "yellow" | "cyan" | "dim";
/** Colours of the terminal's own palette, so that they can be read on dark and on light. */
const codes: Readonly<Record<Colour, string>> = { red: "31", green: "32", yellow: "33", cyan: "36", dim: "2" };

/** `ids`: with the ids of requests that failed. */
export interface LineStyle {
  readonly colours: boolean;
  readonly ids: boolean;
}

/** A line for people: a request in columns, anything else as its message and fields. */
export function prettyLine(line: LogLine, { colours, ids }: LineStyle): string {
  const paint = (colour: Colour, text: string): string => (colours ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text);
  const time = paint("dim", clockTime(line.time));
  return line.msg === "request" ? `${time}  ${requestText(line, paint, ids)}` : `${time}  ${eventText(line, paint)}`;
}

function requestText(line: LogLine, paint: (colour: Colour, text: string) => string, ids: boolean): string {
  const status = Number(line["http_status"]);
  const colour = colourOf(status, { red: 500, yellow: 400, otherwise: "green" });
  const model = textOf(line["model"]);
  const served = [textOf(line["provider"]), textOf(line["model_served"])].filter((part) => part !== "").join("/");
  const { input_tokens: input, output_tokens: output, cost_nano_usd: cost } = line;
  const facts = [
    paint(colour, String(status)),
    `${model === "" ? "-" : model} ${paint("dim", "→")} ${served === "" ? "-" : served}`,
    ...(input === undefined && output === undefined ? [] : [`${Number(input ?? 0)} + ${Number(output ?? 0)} tokens`]),
    ...(typeof cost === "number" && (cost > 0 || status < 400) ? [`$${dollars(cost)}`] : []),
    `${Math.round(Number(line["duration_ms"]))} ms`,
  ];
  const code = textOf(line["error_code"]);
  if (code !== "") facts.push(paint(colour, code));
  const found = textOf(line["firewall"]);
  if (found !== "") facts.push(paint("yellow", found));
  if (code !== "" && ids) facts.push(paint("dim", textOf(line["request_id"])));
  return facts.join("  ");
}

const knownFields = new Set(["level", "time", "pid", "msg", "error"]);

function eventText(line: LogLine, paint: (colour: Colour, text: string) => string): string {
  const name = levelNames[line.level] ?? String(line.level);
  const colour = colourOf(line.level, { red: 50, yellow: 40, otherwise: "cyan" });
  const fields = Object.entries(line)
    .filter(([field]) => !knownFields.has(field))
    .map(([field, value]) => paint("dim", `${field}=${typeof value === "string" ? printable(value) : JSON.stringify(value)}`));
  const error = textOf(line["error"]);
  return [paint(colour, name.padEnd(5)), `${printable(line.msg)}${error === "" ? "" : `: ${error}`}`, ...fields].join(" ");
}

/** The colour of a status or a level: red and yellow from these numbers up. */
function colourOf(value: number, scale: { readonly red: number; readonly yellow: number; readonly otherwise: Colour }): Colour {
  if (value >= scale.red) return "red";
  return value >= scale.yellow ? "yellow" : scale.otherwise;
}

/** Four decimal places; two significant digits if it is less than a cent, as most single requests are. */
function dollars(nanoUsd: number): string {
  const usd = nanoUsd / 1e9;
  if (usd === 0) return "0";
  return usd >= 0.01 ? usd.toFixed(4) : usd.toPrecision(2);
}

/** In the machine's own time zone, as it is for those who watch. */
function clockTime(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? printable(value) : "";
}

/** One line, as names that clients choose must not move the terminal's cursor. */
function printable(text: string): string {
  return text.replaceAll("\n", "; ").replaceAll(/\p{Cc}/gu, " ");
}

/** Whether text for this stream may be coloured (no-color.org). */
export function hasColours(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
