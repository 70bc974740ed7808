import { rateNames } from "../../src/ledger/prices/price-overrides.ts";
import { isFee, readPriceList, type DatedAlias, type PriceList } from "../../src/ledger/prices/price-list.ts";

const chargedText = `## What an answer is charged for

| what | rates |
|---|---|
| tokens | \`input\`, \`output\`, \`reasoning\` (as output if omitted) |
| tokens of a cache | \`cache_read\` (as input if omitted), \`cache_write_5m\`, \`cache_write_30m\`, \`cache_write_1h\`, \`cache_write_12h\`, \`cache_write_24h\` |
| sound, pictures, videos | \`input_audio\`, \`output_image\`, … and \`cache_read_audio\`, …; a picture or video in the prompt costs what \`input\` costs if omitted, all others are unknown |
| a context cache that the gateway has made | \`cache_storage\`, a million tokens and hour: without it none is made ([caching.md](caching.md)) |
| calls of the provider's tools | \`web_search\`, or \`grounded_prompt\` for prices by prompt, \`page_fetch\`, \`file_search\`, \`code_session\`, \`maps_search\` |
| what has no tokens | \`image\`, \`input_seconds\`, \`output_seconds\`, \`per_request\` |
| at least | \`minimum\` |

Rates are dollars a million tokens; those of ${rateNames
  .filter(isFee)
  .map((name) => `\`${name}\``)
  .join(
    ", ",
  )} are dollars each. They depend on the time (also weekdays and hours), the length of the prompt, the class of service (\`batch\`,
\`flex\`, \`priority\`, \`ultrafast\`), the speed and the region that the answer reports. Calls of other models behind an answer (compaction, advisors, pictures) are lines of their
own. If a provider that is known for it reports its bill in dollars (OpenRouter, xAI), that is the cost; other servers are not believed.

Free allowances of vendors (the first searches of a day or a month) are not known here: each search is charged.

`;

const ownText = `## Prices of your own

    prices:
      ollama/qwen3: { input: "0.05", output: "0.2" }         # replaces all lists
      gpt-audio-2: { input_audio: "32", output_audio: "64" } # adds to what lists have
      my-model:
        input: "1"
        output: "4"
        web_search: "0.01"
        above: { 200000: { input: "2", output: "6" } }
        flex: { input: "0.5", output: "2" }
        times: [{ weekdays: [1, 2, 3, 4, 5], hours: [["01:00", "04:00"]], input: "2", output: "8" }]
        speeds: { fast: 2 }
        regions: { us: 1.1 }
    prices_file: model_prices_and_context_window.json

\`prices_file\` takes the form of LiteLLM's \`model_prices_and_context_window.json\` or the data of genai-prices. It is checked when the configuration is read.

## Costs that are reckoned anew

\`tokligence ledger reprice --from DAY --to DAY\` reckons entries of that time with the prices of their times as they are known now. Entries never change: each correction is
an entry of its own (\`direction: correct\`) whose cost is the difference, and all reports count it. What was spent of budgets stays.

`;

/** The text of `docs/prices.md`: how prices are found, and what the project's list has decided. */
export function renderPricesPage(): string {
  const list = readPriceList();
  return `# Prices

What a request costs is reckoned from what its answer reports and the price of the model at that time, in integers of nano-dollars (10⁻⁹ $). A count whose rate is not
known makes the cost unknown: it is never 0, and sound or pictures are never charged as text. The entry then has \`cost_usd: null\`, \`tokligence usage\` counts it as
unpriced, and budgets count the most that it may cost.

## Where prices come from

Later sources take precedence.

| source | what it is | read |
|---|---|---|
| catalogue | the package \`${list.sources["catalogue"]!.title}\` ${list.sources["catalogue"]!.version} | ${list.sources["catalogue"]!.date} |
| list | what the project has found beyond it, mostly in ${list.sources["litellm"]!.title}, ${list.sources["litellm"]!.version} | ${list.sources["litellm"]!.date} |
| file | a list of your own: \`prices_file\` | when the file was changed |
| override | \`prices\` in the configuration | |

    tokligence prices                        # the sources, with dates
    tokligence prices gpt-5                  # the price of a model at each provider that serves it
    tokligence prices gpt-5 --explain        # with all classes, lengths, hours, speeds and regions
    tokligence prices gpt-5 --as-of 2026-06-01
    tokligence prices check                  # models in use whose price is unknown, old or disputed
    tokligence ledger reprice --from 2026-11-01 --dry-run

A name is priced by itself, or as a version of a model with a price: \`claude-sonnet-4-5-20250929\` as \`claude-sonnet-4-5\`. It is never priced by a beginning that is
another model's name: \`claude-sonnet-5-9\` has no price until a source has one. A server whose vendor is not known has no prices but those of the file and of \`prices\`.

${chargedText}${ownText}## Fees of vendors' tools

For all models of a vendor, unless the model has its own; dollars each.

| vendor | fees |
|---|---|
${Object.entries(list.fees)
  .map(
    ([vendor, fees]) =>
      `| ${vendor} | ${Object.entries(fees)
        .map(([name, fee]) => `${name} ${fee}`)
        .join(", ")} |`,
  )
  .join("\n")}

## Names that have meant several models

| vendor | name | models |
|---|---|---|
${aliasRows(list).join("\n")}

## Where the catalogue and the list disagree

Dollars a million tokens, decided by the vendor's own page.

| model | catalogue | list | used | reason |
|---|---|---|---|---|
${list.disagreements
  .map(
    ({ vendor, model, catalogue, list: other, used, reason }) => `| ${vendor}/${model} | ${catalogue} | ${other} | ${used} | ${reason} |`,
  )
  .join("\n")}

This page is made by \`npm run docs\` from \`src/ledger/prices/price-list.json\`, which \`scripts/prices/build.ts\` makes.
`;
}

function aliasRows(list: PriceList): readonly string[] {
  const meaning = ({ from, model }: DatedAlias): string => (from === undefined ? model : `from ${from} ${model}`);
  return Object.entries(list.aliases).flatMap(([vendor, names]) =>
    Object.entries(names).map(([name, models]) => `| ${vendor} | ${name} | ${models.map(meaning).join(", ")} |`),
  );
}
