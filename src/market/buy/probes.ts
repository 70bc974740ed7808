import { asBytes, GatewayError, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import { defaultDialect, type ProtocolTable } from "../../protocols/index.ts";
import type { Store } from "../../store/index.ts";
import type { Provider, UpstreamCall, UpstreamHandler, UpstreamRequest } from "../../upstream/index.ts";
import { maxCost } from "../documents/cost.ts";
import type { Book } from "./book.ts";
import type { BuySettings } from "./buy-section.ts";
import type { Choice } from "./choose.ts";
import type { SellerRecord } from "./seller-record.ts";

interface ProbesDeps {
  readonly store: Pick<Store, "db">;
  readonly book: Pick<Book, "providers" | "offersOf">;
  readonly record: SellerRecord;
  readonly protocols: ProtocolTable;
  readonly settings: () => Pick<BuySettings, "probeShare">;
  readonly dispatch: (request: UpstreamRequest, handler: UpstreamHandler) => UpstreamCall;
  readonly now: () => number;
}

interface ProbedOffer {
  readonly provider: Provider;
  readonly model: string;
  readonly choice: Choice;
  readonly key: string;
}

/** The ids of their requests begin with it. */
const prefix = "probe_";
const everyMs = 600_000;
/** What was spent in this time bounds what probes may cost in it. */
const spentMs = 7 * 86_400_000;
const exactTokens = 16;

/**
 * Asks peers for what has only one right answer: to count to 1,000 in 16 tokens. The answer ends at its limit and counts no more than that. The text is public, and what
 * all probes cost is at most a share of what was spent.
 */
export class Probes {
  readonly #deps: ProbesDeps;
  readonly #probedMs = new Map<string, number>();
  #lastMs: number;
  #serial = 0;

  constructor(deps: ProbesDeps) {
    this.#deps = deps;
    this.#lastMs = deps.now();
  }

  /** One probe, if it is time for one and it may be paid. */
  async run(): Promise<void> {
    const { settings, now } = this.#deps;
    const { probeShare } = settings();
    if (probeShare === 0 || now() - this.#lastMs < everyMs) return;
    this.#lastMs = now();
    const allowed = await this.#allowed(probeShare);
    const next = this.#offers()
      .filter(({ choice, model }) => maxCost(choice.offer.body.price, bodyOf(model).length, exactTokens) <= allowed)
      .toSorted((a, b) => (this.#probedMs.get(a.key) ?? 0) - (this.#probedMs.get(b.key) ?? 0))[0];
    if (next === undefined) return;
    this.#probedMs.set(next.key, now());
    await this.#probe(next);
  }

  /** Nano-credits. */
  async #allowed(share: number): Promise<bigint> {
    const { store, now } = this.#deps;
    const sum = async (isProbe: boolean): Promise<bigint> => {
      const row = await store.db
        .selectFrom("market_trades")
        .select((eb) => eb.fn.sum<bigint | string | null>("cost_nano_usd").as("cost_nano_usd"))
        .where("at_ms", ">", now() - spentMs)
        .where("request_id", isProbe ? "like" : "not like", `${prefix}%`)
        .executeTakeFirst();
      return BigInt(row?.cost_nano_usd ?? 0n);
    };
    return ((await sum(false)) * BigInt(Math.round(share * 10_000))) / 10_000n - (await sum(true));
  }

  /** Of peers alone: who answers a request to an exchange is drawn. */
  #offers(): readonly ProbedOffer[] {
    const { book } = this.#deps;
    const peers = book.providers().filter(({ isExchange }) => isExchange !== true);
    return peers.flatMap((provider) =>
      provider.models.flatMap((model) =>
        book.offersOf(provider.name, model).map((choice: Choice) => ({ provider, model, choice, key: `${provider.name}/${model}` })),
      ),
    );
  }

  async #probe({ provider, model, choice }: ProbedOffer): Promise<void> {
    const { protocols, record, dispatch, now } = this.#deps;
    const protocol = protocols.get(defaultDialect)!;
    const route = protocol.routes.find(({ operation, method }) => operation === "generate" && method === "POST")!;
    const path = protocol.wireRules.hasVersionInBaseUrl ? route.path.replace(/^\/v1/, "") : route.path;
    const requestId = `${prefix}${now()}-${(this.#serial += 1)}`;
    const request = { provider, protocol: defaultDialect, method: "POST", path, headers: ["content-type", "application/json"] } as const;
    const answer = await new Promise<Bytes | undefined>((resolve) => {
      const handler = new ProbeAnswer(resolve);
      dispatch({ ...request, key: undefined, body: bodyOf(model), stream: false, model, requestId, market: "peers" }, handler);
    });
    // A refusal or a failure is counted as that of any request.
    if (answer === undefined) return;
    let isRight: boolean;
    try {
      const { stopReason } = protocol.upstream.parseResponse(utf8OfLatin1(answer));
      const { usage } = protocol.readAnswer(answer, { route, param: "", query: "" });
      isRight = stopReason === "length" && (usage?.output ?? Infinity) <= exactTokens;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      isRight = false;
    }
    record.probed(choice.seller.node.node, model, isRight, now());
  }
}

function bodyOf(model: string): string {
  const content = "Count from 1 to 1000 in digits, separated by spaces.";
  return JSON.stringify({ model, max_tokens: exactTokens, temperature: 0, messages: [{ role: "user", content }] });
}

/** A whole answer (latin1); `undefined` if there is none. */
class ProbeAnswer implements UpstreamHandler {
  readonly #resolve: (text: Bytes | undefined) => void;
  readonly #parts: Buffer[] = [];
  #status = 0;

  constructor(resolve: (text: Bytes | undefined) => void) {
    this.#resolve = resolve;
  }

  onHead(status: number): void {
    this.#status = status;
  }

  onData(chunk: Buffer): void {
    this.#parts.push(chunk);
  }

  onEnd(): void {
    this.#resolve(this.#status === 200 ? asBytes(Buffer.concat(this.#parts).toString("latin1")) : undefined);
  }

  onFailure(): void {
    this.#resolve(undefined);
  }
}
