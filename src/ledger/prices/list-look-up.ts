import { readPackaged } from "../../core/index.ts";
import type { DatedAlias, ListedModel, ListedRates, PriceList } from "./price-list.ts";

/** The project's list, as prices are looked up in it. */
export interface ListLookUp {
  model(vendor: string, name: string): ListedModel | undefined;
  fees(vendor: string): ListedRates | undefined;
  alias(vendor: string, name: string): readonly DatedAlias[] | undefined;
}

/**
 * Opens the list without parsing it, as all of it would take as long as the rest of a start: it has one model a line, and only the line that is looked for is
 * parsed. `price-list.json` is made in this form by `scripts/prices/build.ts`, and a test compares the two ways to read it.
 */
export function openPriceList(): ListLookUp {
  return lookUpInText(readPackaged("price-list.json", import.meta.url));
}

const vendorsStart = '\n  "vendors": {\n';
const vendorsEnd = "\n  }";
const vendorEnd = "\n    }";

function lookUpInText(text: string): ListLookUp {
  const start = text.indexOf(vendorsStart);
  const end = text.indexOf(vendorsEnd, start);
  const head = JSON.parse(`${text.slice(0, text.lastIndexOf(",", start))}}`) as Pick<PriceList, "fees" | "aliases">;
  const blocks = new Map<string, string>();
  const blockOf = (vendor: string): string => {
    const known = blocks.get(vendor);
    if (known !== undefined) return known;
    const at = text.indexOf(`\n    ${JSON.stringify(vendor)}: {\n`, start);
    const block = at < 0 || at > end ? "" : text.slice(at + 1, text.indexOf(vendorEnd, at + 1) + 1);
    // Vendors come from the configuration, so they are few.
    blocks.set(vendor, block);
    return block;
  };
  return {
    model(vendor, name) {
      const key = `\n      ${JSON.stringify(name)}: `;
      const block = blockOf(vendor);
      const at = block.indexOf(key);
      if (at < 0) return undefined;
      const line = block.slice(at + key.length, block.indexOf("\n", at + key.length));
      return JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line) as ListedModel;
    },
    ...lookUpInHead(head),
  };
}

/** The same for a list that is there already. */
export function lookUpIn(list: PriceList): ListLookUp {
  return { model: (vendor, name) => own(own(list.vendors, vendor), name), ...lookUpInHead(list) };
}

function lookUpInHead({ fees, aliases }: Pick<PriceList, "fees" | "aliases">): Pick<ListLookUp, "fees" | "alias"> {
  return { fees: (vendor) => own(fees, vendor), alias: (vendor, name) => own(own(aliases, vendor), name) };
}

/** Names come from clients: only the object's own are meant. */
function own<Value>(object: Readonly<Record<string, Value>> | undefined, name: string): Value | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
