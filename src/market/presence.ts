import { GatewayError } from "../core/index.ts";
import { openUpgraded } from "../upstream/index.ts";
import type { Peer, Peers } from "./peers/peers.ts";
import type { MarketKeys } from "./identity/market-keys.ts";
import type { MarketDeps } from "./market-deps.ts";
import { Relay, type KnownNode } from "./relay/relay.ts";
import { RelayLink } from "./relay/relay-link.ts";
import { serveRelayed } from "./relay/relayed-calls-handler.ts";
import { createUsedRelays, type UsedRelays } from "./relay/used-relays.ts";
import { createMarketListener, type MarketListener } from "./sell/listener.ts";
import type { NodeApi } from "./sell/node-api.ts";
import { relayedUrl, relayOf } from "./wire.ts";

interface PresenceParts {
  readonly deps: MarketDeps;
  readonly keys: MarketKeys;
  readonly api: () => NodeApi;
  readonly peers: Peers;
  readonly known: (node: string) => Promise<KnownNode | undefined>;
  readonly isExchange: () => boolean;
  /** Where this node is called has changed. */
  readonly onChange: () => void;
}

/** How others call this node: at its own address, or through relays to which it keeps connections; and this node as a relay for others. */
export class Presence {
  readonly relay: Relay;
  readonly #parts: PresenceParts;
  readonly #used: UsedRelays;
  readonly #links = new Map<string, RelayLink>();
  #listener: { readonly listener: MarketListener; readonly port: number } | undefined;

  constructor(parts: PresenceParts) {
    const { deps, keys, api, known, isExchange, peers } = parts;
    const { store, clock, logger, settings, machine } = deps;
    this.#parts = parts;
    this.#used = createUsedRelays(store, () => clock.now());
    this.relay = new Relay({
      key: keys.node,
      settings: () => settings().relay,
      url: () => settings().relay.url ?? this.#ownUrl(),
      isExchange,
      caller: (authorization, url) => api().caller(authorization, url),
      known,
      onSeller: (node) => {
        this.#learn(node, peers).catch((error: unknown) => {
          logger.debug({ node, error: String(error) }, "what a seller behind this relay says of itself could not be stored");
        });
      },
      clock,
      logger,
      ...(machine?.every === undefined ? {} : { every: machine.every }),
    });
  }

  /** A peer behind this relay: this node buys from it through its own relay. */
  async #learn(node: string, peers: Peers): Promise<void> {
    const peer = await peers.byNode(node);
    const isRelayed = peer?.url === undefined || relayOf(peer.url) !== undefined;
    if (peer?.role === "peer" && isRelayed) await peers.setUrl(node, relayedUrl(this.#ownUrl(), node));
  }

  get isListening(): boolean {
    return this.#listener !== undefined;
  }

  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** The relays that this node uses. */
  get links(): readonly RelayLink[] {
    return [...this.#links.values()];
  }

  /** Whether others may call this node. */
  get isOpen(): boolean {
    return this.isListening || this.links.some(({ url }) => url !== undefined);
  }

  /** As this node's document names it. */
  get reach(): { readonly direct?: string; readonly relay?: string } {
    const relay = this.links.find(({ url }) => url !== undefined)?.url;
    return { ...(this.isListening ? { direct: this.#ownUrl() } : {}), ...(relay === undefined ? {} : { relay }) };
  }

  /** Where others call this node: its own address, also before it is open, or that of its relay. */
  get url(): string {
    const { relay } = this.reach;
    return relay === undefined || this.isListening ? this.#ownUrl() : relayedUrl(relay, this.#parts.keys.node.id);
  }

  #ownUrl(): string {
    const { reach, port } = this.#parts.deps.settings();
    // A port that the system has chosen.
    return port === 0 && this.#listener !== undefined ? reach.replace(/:0$/, `:${this.#listener.port}`) : reach;
  }

  /** The address of a URL as this process calls it: its own relay is at this machine, whatever name others have for it. */
  calledAt(url: string): string {
    const route = relayOf(url);
    if (route === undefined || this.#listener === undefined || route.relay !== this.#ownUrl()) return url;
    const { host } = this.#parts.deps.settings();
    const near = /^(?:0\.0\.0\.0|::)$/.test(host) ? "127.0.0.1" : host;
    return relayedUrl(`http://${near.includes(":") ? `[${near}]` : near}:${this.#listener.port}`, route.node);
  }

  /** Opens what others call this node by: connections to its relays, or, if it uses none, its own address. @throws GatewayError as `listen`. */
  async open(): Promise<void> {
    const used = await this.#used.list();
    if (used.length === 0) await this.listen();
    else await this.#connect(used);
  }

  /** Whether this node is called through relays, and not at an address of its own. */
  async usesRelays(): Promise<boolean> {
    return (await this.#used.list()).length > 0;
  }

  /** Of the processes that share a database, the one that sells is connected to the relays. */
  async keep(sells: boolean): Promise<void> {
    const used = await this.#used.list();
    if (sells) await this.#connect(used);
    else if (used.length > 0) await this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    const { links } = this;
    this.#links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  /** At the start: a relay of peers is called also if nothing is sold here. */
  async serveRelay(): Promise<void> {
    const { maySell, settings } = this.#parts.deps;
    if (maySell && settings().relay.peers) await this.listen();
  }

  /** Opens the market's own address, if it is not open yet. @throws GatewayError `invalid_request` with several workers. */
  async listen(): Promise<void> {
    if (this.#listener !== undefined) return;
    const { maySell, settings, clock, logger, maxBodyBytes, machine } = this.#parts.deps;
    if (!maySell) throw severalWorkers();
    const { host, port } = settings();
    const { createListener = createMarketListener } = machine ?? {};
    const listener = createListener({
      api: this.#parts.api(),
      relay: this.relay,
      logger,
      now: () => clock.now(),
      maxBodyBytes,
      // Several nodes may share an address.
      callsPerSecond: () => settings().perBuyer.callsPerSecond * 3,
    });
    this.#listener = { listener, port: await listener.listen(host, port) };
    logger.info({ host, port: this.#listener.port }, "the market's address is open");
  }

  /** Is reached through a relay from now on, and not at an address of its own. @throws GatewayError if it cannot be called. */
  async useRelay(relay: Peer): Promise<RelayLink> {
    if (!this.#parts.deps.maySell) throw severalWorkers();
    await this.#used.add(relay.node);
    await this.#connect([relay.node]);
    const link = this.#links.get(relay.node)!;
    if (link.url === undefined) {
      await this.dropRelay(relay.node);
      throw new GatewayError("upstream_unreachable", `${relay.name} cannot be used as a relay: ${link.problem ?? "it does not answer."}`);
    }
    const listener = this.#listener;
    const { relay: served } = this.#parts.deps.settings();
    if (listener !== undefined && !this.#parts.isExchange() && !served.peers) {
      this.#listener = undefined;
      await listener.listener.close();
      this.#parts.onChange();
    }
    return link;
  }

  /** @returns whether the relay was used. */
  async dropRelay(node: string): Promise<boolean> {
    const wasUsed = await this.#used.remove(node);
    const link = this.#links.get(node);
    this.#links.delete(node);
    await link?.close();
    if (wasUsed) this.#parts.onChange();
    return wasUsed;
  }

  async #connect(nodes: readonly string[]): Promise<void> {
    for (const node of nodes) {
      if (this.#links.has(node)) continue;
      const relay = await this.#parts.peers.byNode(node);
      // This node has left it.
      if (relay === undefined) await this.#used.remove(node);
      else await this.#linkTo(relay);
    }
  }

  async #linkTo(relay: Peer): Promise<void> {
    const { deps, keys, api, onChange } = this.#parts;
    const { clock, logger, maxBodyBytes, machine } = deps;
    const handler = { api, sealing: () => keys.sealing(), maxBodyBytes, logger };
    const link = new RelayLink({
      relay,
      key: keys.node,
      connect: openUpgraded,
      onCall: (stream, headers) => {
        serveRelayed(handler, stream, headers);
      },
      onChange,
      clock,
      logger,
      random: machine?.random ?? Math.random,
      ...(machine?.every === undefined ? {} : { every: machine.every }),
    });
    this.#links.set(relay.node, link);
    await link.start();
  }

  async close(): Promise<void> {
    await Promise.all([this.relay.close(), ...this.links.map((link) => link.close()), this.#listener?.listener.close()]);
  }
}

function severalWorkers(): GatewayError {
  return new GatewayError("invalid_request", "Selling needs one process: set gateway.workers to 1, and restart.");
}
