import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import type { WithAdmin } from "./with-admin.ts";
import { print, table } from "./output.ts";

interface PriceOptions {
  readonly asOf?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** `tokligence prices …` */
export function addPriceCommands(program: Command, admin: WithAdmin): void {
  const prices = program
    .command("prices")
    .description("what models cost, and where that is known from")
    .argument("[model]", "a model, as clients name it; if omitted, the sources of prices")
    .option("--as-of <time>", "the prices of that time: a day, a time of RFC 3339, or how long ago (7d)")
    .option("--explain", "all times, lengths, classes, speeds and regions")
    .option("--json", "print JSON")
    .helpCommand(false)
    .action(async (model: string | undefined, { asOf, explain, json = false }: PriceOptions) => {
      if (model === undefined) {
        const sources = await admin((call) => call("prices.sources"));
        print(json, sources, () => sourcesText(sources));
        return;
      }
      const shown = await admin((call) => call("prices.show", { query: { model, ...(asOf === undefined ? {} : { as_of: asOf }) } }));
      print(json, shown, () => pricesText(shown, explain === true));
    });
  prices
    .command("check")
    .description("models of the last 30 days whose price is unknown, old, or not the same in all sources")
    .option("--json", "print JSON")
    .action(async ({ json }: PriceOptions) => {
      const report = await admin((call) => call("prices.check"));
      print(json === true, report, () => checkText(report));
    });
}

type Shown = OperationAnswer<"prices.show">;
type Price = NonNullable<Shown["prices"][number]["price"]>;
type Period = Price["periods"][number];

function sourcesText({ sources }: OperationAnswer<"prices.sources">): string {
  return table(
    ["SOURCE", "WHAT", "VERSION", "READ", "MODELS"],
    sources.map(({ name, title, version, date, models }) => [name, title, version, date, models]),
  );
}

function pricesText({ model, prices }: Shown, isWhole: boolean): string {
  if (prices.length === 0) return `No provider serves "${model}"; tokligence route explain ${model} says why.`;
  return prices
    .map(({ provider, model: upstream, price }) => {
      const head = provider === "" ? `${upstream}, which no provider of the configuration serves` : `${provider}/${upstream}`;
      if (price === null) return `${head}: no price is known; set one under prices`;
      const from = [price.source, price.vendor, price.listed_as, price.date].filter((part) => part !== null).join(", ");
      return [`${head} (${from})`, ...(isWhole ? wholeLines(price) : currentLines(price.periods))].join("\n");
    })
    .join("\n\n");
}

function currentLines(periods: readonly Period[]): readonly string[] {
  return bandLines(periods.find(({ holds }) => holds)?.bands ?? []);
}

function bandLines(bands: Period["bands"]): readonly string[] {
  return bands.flatMap(({ above_input_tokens: above, rates }) => [
    ...(above === 0 ? [] : [`  above ${above} tokens of the prompt:`]),
    ...Object.entries(rates).map(([name, rate]) => `  ${name.padEnd(20)}${rate}`),
  ]);
}

function wholeLines({ periods, classes, speeds, regions, context_window: context }: Price): readonly string[] {
  const sections = [["standard", periods] as const, ...Object.entries(classes)];
  return [
    ...sections.flatMap(([name, list]) =>
      list.flatMap((period) => [
        `  ${name}${whenText(period.when)}${period.holds ? " (holds)" : ""}:`,
        ...bandLines(period.bands).map((line) => `  ${line}`),
      ]),
    ),
    ...Object.entries(speeds).map(([name, factor]) => `  speed ${name}: tokens cost ${factor} times as much`),
    ...Object.entries(regions).map(([name, factor]) => `  region ${name}: tokens cost ${factor} times as much`),
    ...(context === null ? [] : [`  context: ${context} tokens`]),
  ];
}

function whenText({ from, until, weekdays, hours }: Period["when"]): string {
  const parts = [
    from === undefined ? "" : ` from ${from}`,
    until === undefined ? "" : ` until ${until}`,
    weekdays === undefined ? "" : ` on days ${weekdays.join(", ")}`,
    hours === undefined ? "" : ` at ${hours.map((span) => span.join("-")).join(", ")} UTC`,
  ];
  return parts.join("");
}

function checkText({ problems }: OperationAnswer<"prices.check">): string {
  if (problems.length === 0) return "Every model of the last 30 days has a price of its own, which is fresh and which no source disputes.";
  return table(
    ["PROVIDER", "MODEL", "ATTEMPTS", "PROBLEM", "DETAIL"],
    problems.map(({ provider, model, attempts, problem, detail }) => [provider, model, attempts, problem, detail]),
  );
}
