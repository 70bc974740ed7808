import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { everyByTimer, messageOf, type Clock, type Every, type Logger } from "../../core/index.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { callerOfPass } from "../identity/relay-pass.ts";
import type { NodeRole } from "../peers/peers.ts";
import { MarketRefusal } from "../refusal.ts";
import type { RelayPort } from "../sell/listener.ts";
import { passHeader, relayAnswerBytes, relayProtocol, relaySignatureHeader, relayUrlHeader } from "../wire.ts";
import { forwardCall } from "./forwarded-call.ts";
import { callWindowBytes, closeSession, connectionWindowBytes, Heartbeat, mostStreams, nodeHttp2, pingMs } from "./node-http2.ts";
import { mostConnectionsOfSeller, RelayedSeller, type Caller } from "./relayed-seller.ts";
import type { RelaySettings } from "./relay-section.ts";

/** A node that this one knows. */
export interface KnownNode {
  readonly name: string;
  readonly role: NodeRole;
  readonly isBlocked: boolean;
}

export interface RelayDeps {
  readonly key: NodeKey;
  readonly settings: () => RelaySettings;
  /** Where buyers call this process. */
  readonly url: () => string;
  /** Whether this node is an exchange now. */
  readonly isExchange: () => boolean;
  /** Who has signed the header of a GET. @throws MarketRefusal */
  readonly caller: (authorization: string | undefined, url: string) => Promise<string>;
  readonly known: (node: string) => Promise<KnownNode | undefined>;
  /** A seller is connected, and can be called through this relay. */
  readonly onSeller: (node: string) => void;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly logger: Logger;
  readonly every?: Every;
}

export interface RelayedSellerState {
  readonly node: string;
  readonly name: string;
  readonly connections: number;
  /** That are being forwarded now. */
  readonly calls: number;
}

/** How many calls have ended in which way since the start, and their bytes. */
export interface RelayCounts {
  readonly forwarded: number;
  readonly cut: number;
  readonly refused: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** What may be called through a relay: the node's document, and what is sealed. */
const forwardedMethods: Readonly<Record<string, "GET" | "POST">> = { "/node": "GET", "/serve": "POST", "/sealed": "POST" };

const passMs = 60_000;
const mostPasses = 10_000;
const graceMs = 5_000;

/**
 * This node as a relay: sellers that nobody can call keep connections to it, and calls of buyers go to them over these. It passes bytes on, and can neither read nor change
 * what is in them without being noticed.
 */
export class Relay implements RelayPort {
  readonly #deps: RelayDeps;
  readonly #sellers = new Map<string, RelayedSeller>();
  /** The time of the last connection that a seller has asked for: what is older was sent before, by whomever. */
  readonly #asked = new Map<string, number>();
  #passes = new Map<string, Caller>();
  #passesSinceMs = 0;
  readonly #counts = { forwarded: 0, cut: 0, refused: 0, requestBytes: 0, answerBytes: 0 };
  #isClosing = false;
  #stopBeats: (() => void) | undefined;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
  }

  get mostConnections(): number {
    return this.#deps.settings().sellers * mostConnectionsOfSeller;
  }

  get counts(): RelayCounts {
    return this.#counts;
  }

  get sellers(): readonly RelayedSellerState[] {
    const connected = [...this.#sellers.values()].filter(({ connections }) => connections > 0);
    return connected.map(({ node, name, connections, active }) => ({ node, name, connections, calls: active }));
  }

  attach(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => undefined);
    this.#attach(request, socket, head).catch((error: unknown) => {
      const refusal = error instanceof MarketRefusal ? error : new MarketRefusal("unavailable", "The relay cannot answer at the moment.");
      if (refusal !== error) this.#deps.logger.error({ error: messageOf(error) }, "a seller could not be connected");
      const body = Buffer.from(refusal.text);
      socket.end(
        `HTTP/1.1 ${refusal.status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${refusal.text}`,
      );
    });
  }

  async #attach(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { caller, key, url, logger } = this.#deps;
    if (this.#isClosing) throw closing();
    const path = request.url ?? "";
    const { authorization = "" } = request.headers;
    if (request.headers.upgrade?.toLowerCase() !== relayProtocol)
      throw new MarketRefusal("not_found", `Only ${relayProtocol} is spoken here.`);
    const node = await caller(authorization, path);
    if (!path.endsWith(`/relay/${node}`)) throw new MarketRefusal("bad_document", "A seller connects under its own id.");
    const known = await this.#allowed(node);
    this.#checkTime(node, authorization);
    const seller = this.#sellerOf(node, known.name);
    const reach = url();
    const signature = key.sign(relayAnswerBytes(authorization, reach)).toString("base64url");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${relayProtocol}\r\n${relayUrlHeader}: ${reach}\r\n${relaySignatureHeader}: ${signature}\r\n\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
    this.#connect(seller, socket);
    logger.info({ seller: seller.name, connections: seller.connections }, "a seller has connected to this relay");
  }

  /** @throws MarketRefusal if nothing is forwarded to the node. */
  async #allowed(node: string): Promise<KnownNode> {
    const { known, settings, isExchange } = this.#deps;
    const { members, peers, sellers } = settings();
    const found = await known(node);
    if (found === undefined || found.isBlocked) throw new MarketRefusal("unknown_node", "This node does not trade with yours.");
    const isServed = found.role === "member" ? members && isExchange() : found.role === "peer" && peers;
    if (!isServed) throw new MarketRefusal("not_found", "This node is no relay for yours.");
    if (!this.#sellers.has(node) && this.sellers.length >= sellers)
      throw new MarketRefusal("too_many_open", "As many sellers are connected to this relay as it allows.");
    return found;
  }

  /** Somebody on the line may send again what a seller has sent. */
  #checkTime(node: string, authorization: string): void {
    const at = Number(authorization.split(".")[1]);
    if (at <= (this.#asked.get(node) ?? 0)) throw new MarketRefusal("bad_document", "The connection was asked for before.");
    this.#asked.set(node, at);
  }

  #sellerOf(node: string, name: string): RelayedSeller {
    let seller = this.#sellers.get(node);
    if (seller === undefined) {
      seller = new RelayedSeller(node, name, { settings: this.#deps.settings, now: () => this.#deps.clock.now() });
      this.#sellers.set(node, seller);
    }
    return seller;
  }

  #connect(seller: RelayedSeller, socket: Duplex): void {
    const { every = everyByTimer, logger, onSeller } = this.#deps;
    this.#stopBeats ??= every(pingMs, () => {
      for (const one of this.#sellers.values()) one.beat();
    });
    const settings = { enablePush: false, initialWindowSize: callWindowBytes };
    const session = nodeHttp2().connect("http://relay", {
      createConnection: () => socket,
      settings,
      peerMaxConcurrentStreams: mostStreams,
    });
    session.on("error", (error) => {
      logger.debug({ seller: seller.name, error: messageOf(error) }, "a connection of a seller has failed");
    });
    session.once("connect", () => {
      session.setLocalWindowSize(connectionWindowBytes);
      onSeller(seller.node);
    });
    const leave = (): void => {
      seller.remove(session);
    };
    session.once("goaway", leave);
    session.once("close", () => {
      leave();
      logger.info({ seller: seller.name, connections: seller.connections }, "a connection of a seller to this relay has ended");
    });
    const replaced = seller.add(session, new Heartbeat(session));
    if (replaced !== undefined) void closeSession(replaced, graceMs);
  }

  async forward(request: IncomingMessage, response: ServerResponse, { node, path }: { node: string; path: string }): Promise<void> {
    const { clock, logger } = this.#deps;
    const began = clock.monotonic();
    const { seller, session, release } = await this.#begin(request, node, path);
    try {
      const isWhole = await forwardCall({
        request,
        response,
        session,
        method: forwardedMethods[path]!,
        path,
        onBytes: (direction, bytes) => {
          seller.passed(bytes);
          this.#counts[direction === "request" ? "requestBytes" : "answerBytes"] += bytes;
        },
      });
      this.#counts[isWhole ? "forwarded" : "cut"] += 1;
      logger.debug({ seller: seller.name, path, isWhole, ms: Math.round(clock.monotonic() - began) }, "a call was forwarded");
    } catch (error) {
      this.#counts.cut += 1;
      throw error;
    } finally {
      release();
    }
  }

  async #begin(
    request: IncomingMessage,
    node: string,
    path: string,
  ): Promise<ReturnType<RelayedSeller["take"]> & { readonly seller: RelayedSeller }> {
    try {
      if (this.#isClosing) throw closing();
      if (forwardedMethods[path] === undefined || forwardedMethods[path] !== request.method)
        throw new MarketRefusal("not_found", "Only sealed calls are forwarded.");
      const seller = this.#sellers.get(node);
      if (seller === undefined) throw new MarketRefusal("unavailable", "The seller is not connected to its relay.");
      const pass = request.headers[passHeader];
      const caller = await this.#callerOf(typeof pass === "string" ? pass : undefined, node);
      return { ...seller.take(path === "/serve" ? "served" : "short", caller), seller };
    } catch (error) {
      this.#counts.refused += 1;
      throw error;
    }
  }

  /** A pass is checked once a minute. */
  async #callerOf(pass: string | undefined, seller: string): Promise<Caller> {
    const now = this.#deps.clock.now();
    if (Math.abs(now - this.#passesSinceMs) > passMs || this.#passes.size > mostPasses) {
      this.#passes = new Map();
      this.#passesSinceMs = now;
    }
    const key = `${seller} ${pass}`;
    const seen = this.#passes.get(key);
    if (seen !== undefined) return seen;
    const node = callerOfPass(pass, seller, now);
    if (node === undefined) throw new MarketRefusal("unknown_node", "A call through a relay needs a pass that its caller has signed now.");
    const known = await this.#deps.known(node);
    if (known?.isBlocked === true) throw new MarketRefusal("unknown_node", "This node does not trade with yours.");
    const caller = { node, isKnown: known !== undefined };
    this.#passes.set(key, caller);
    return caller;
  }

  /** Forwards no more calls. Those under way may end for some seconds; sellers are asked to connect again. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#stopBeats?.();
    const sessions = [...this.#sellers.values()].flatMap((seller) => seller.sessions);
    await Promise.all(sessions.map((session) => closeSession(session, graceMs)));
  }
}

function closing(): MarketRefusal {
  return new MarketRefusal("unavailable", "The relay is closing its connections.", { retry_after_ms: 1000 });
}
