import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { everyByTimer, messageOf, systemSchedule, type Clock, type Every, type Logger, type Schedule } from "../../core/index.ts";
import { UpgradeRefused, type openUpgraded } from "../../upstream/index.ts";
import { isSignedBy, type NodeKey } from "../identity/node-key.ts";
import type { Peer } from "../peers/peers.ts";
import { refusalOfText } from "../refusal.ts";
import { marketPrefix, relayAnswerBytes, relayProtocol, relaySignatureHeader, relayUrlHeader, requestBytes } from "../wire.ts";
import { callWindowBytes, closeSession, connectionWindowBytes, Heartbeat, mostStreams, nodeHttp2, pingMs } from "./node-http2.ts";

export interface RelayLinkDeps {
  readonly relay: Pick<Peer, "node" | "name" | "url" | "role">;
  readonly key: NodeKey;
  readonly connect: typeof openUpgraded;
  /** A call that the relay has forwarded. */
  readonly onCall: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
  /** Where buyers call this node through the relay has changed. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly every?: Every;
  readonly schedule?: Schedule;
}

/** Connections that a seller keeps: if one is lost, calls go over the other. */
const kept = 2;
const connectMs = 10_000;
const graceMs = 5_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** After a connection of this length the next one that fails is tried again soon. */
const steadyMs = 5_000;

interface Slot {
  session: ServerHttp2Session | undefined;
  cancelRetry: (() => void) | undefined;
  retryMs: number;
}

/** The connections of this node to one relay. They are opened again whenever they are lost, later and later while that fails. */
export class RelayLink {
  readonly #deps: RelayLinkDeps;
  readonly #slots: Slot[] = [];
  /** Connections over which no more calls begin. */
  readonly #leaving = new Set<ServerHttp2Session>();
  #url: string | undefined;
  #problem: string | undefined;
  #askedMs = 0;
  #isClosed = false;
  #stopBeats: (() => void) | undefined;
  readonly #heartbeats = new Map<ServerHttp2Session, Heartbeat>();

  constructor(deps: RelayLinkDeps) {
    this.#deps = deps;
  }

  get relay(): RelayLinkDeps["relay"] {
    return this.#deps.relay;
  }

  get connections(): number {
    return this.#slots.filter(({ session }) => session !== undefined).length;
  }

  /** Where buyers call the relay; `undefined`: this node is not connected to it. */
  get url(): string | undefined {
    return this.#url;
  }

  /** Why it is not connected. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Opens the first connection, and then, in the background, the others. Never rejects: what fails is tried again. */
  async start(): Promise<void> {
    const { every = everyByTimer } = this.#deps;
    this.#stopBeats = every(pingMs, () => {
      for (const heartbeat of this.#heartbeats.values()) heartbeat.beat();
    });
    for (let count = 0; count < kept; count++) this.#slots.push({ session: undefined, cancelRetry: undefined, retryMs: firstRetryMs });
    const [first, ...others] = this.#slots;
    await this.#open(first!);
    for (const slot of others) void this.#open(slot);
  }

  async #open(slot: Slot): Promise<void> {
    slot.cancelRetry = undefined;
    if (this.#isClosed) return;
    const { relay, logger } = this.#deps;
    try {
      const { socket, url } = await this.#dial();
      if (this.#isClosed) {
        socket.destroy();
        return;
      }
      this.#use(slot, socket);
      this.#problem = undefined;
      if (this.#url !== url) {
        this.#url = url;
        logger.info({ relay: relay.name, url }, "this node is reachable through a relay");
        this.#deps.onChange();
      }
    } catch (error) {
      const problem = problemOf(error);
      if (this.#problem !== problem) logger.warn({ relay: relay.name, error: problem }, "a relay cannot be reached; it is tried again");
      this.#problem = problem;
      this.#retry(slot);
    }
  }

  /** @throws Error if the relay does not answer, or somebody else does. */
  async #dial(): Promise<{ readonly socket: Duplex; readonly url: string }> {
    const { relay, key, connect, clock } = this.#deps;
    // An exchange may be several processes: all connections go to that which the node's document names.
    const base = this.#url ?? relay.url;
    if (base === undefined) throw new Error("The relay has no address.");
    const path = `${marketPrefix}/relay/${key.id}`;
    // The relay takes each time once.
    const at = Math.max(clock.now(), this.#askedMs + 1);
    this.#askedMs = at;
    const authorization = `TN1 ${key.id}.${at}.${key.sign(requestBytes(relay.node, path, at)).toString("base64url")}`;
    const { socket, headers } = await connect({
      url: base + path,
      protocol: relayProtocol,
      headers: { authorization },
      timeoutMs: connectMs,
    });
    const named = headers[relayUrlHeader] ?? "";
    const signature = Buffer.from(headers[relaySignatureHeader] ?? "", "base64url");
    const isWebAddress = /^https?:\/\/[^/?#@\s]{1,246}$/.test(named) && URL.canParse(named);
    if (!isWebAddress || !isSignedBy(relay.node, relayAnswerBytes(authorization, named), signature)) {
      socket.destroy();
      throw new Error("The relay's answer is not signed by it.");
    }
    return { socket, url: relay.role === "exchange" ? named : relay.url! };
  }

  #use(slot: Slot, socket: Duplex): void {
    const settings = { enablePush: false, initialWindowSize: callWindowBytes, maxConcurrentStreams: mostStreams };
    const session = nodeHttp2().performServerHandshake(socket, { settings });
    const beganMs = this.#deps.clock.monotonic();
    slot.session = session;
    this.#heartbeats.set(session, new Heartbeat(session));
    session.setLocalWindowSize(connectionWindowBytes);
    session.on("stream", (stream, headers) => {
      this.#deps.onCall(stream, headers);
    });
    session.on("error", (error) => {
      this.#deps.logger.debug({ relay: this.#deps.relay.name, error: messageOf(error) }, "a connection to a relay has failed");
    });
    const lose = (): void => {
      if (slot.session !== session) return;
      slot.session = undefined;
      if (this.#deps.clock.monotonic() - beganMs >= steadyMs) slot.retryMs = firstRetryMs;
      this.#lost(slot);
    };
    // The relay ends: calls under way go on, and new ones need another connection.
    session.once("goaway", () => {
      this.#leaving.add(session);
      lose();
    });
    session.once("close", () => {
      this.#heartbeats.delete(session);
      this.#leaving.delete(session);
      lose();
    });
  }

  #lost(slot: Slot): void {
    if (this.#isClosed) return;
    if (this.connections === 0 && this.#url !== undefined) {
      this.#deps.logger.warn({ relay: this.#deps.relay.name }, "this node is not connected to its relay; it connects again");
      this.#url = undefined;
      this.#problem = "the connection was lost";
      this.#deps.onChange();
    }
    this.#retry(slot);
  }

  #retry(slot: Slot): void {
    if (this.#isClosed) return;
    const { schedule = systemSchedule, random } = this.#deps;
    // Not all sellers at once, after their relay was away.
    const delay = slot.retryMs * (0.5 + random() / 2);
    slot.retryMs = Math.min(slot.retryMs * 2, longestRetryMs);
    slot.cancelRetry = schedule(delay, () => void this.#open(slot));
  }

  /** Takes no more calls; those under way may end for some seconds. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopBeats?.();
    for (const { cancelRetry } of this.#slots) cancelRetry?.();
    const open = this.#slots.flatMap(({ session }) => session ?? []);
    await Promise.all([...open, ...this.#leaving].map((session) => closeSession(session, graceMs)));
  }
}

function problemOf(error: unknown): string {
  return error instanceof UpgradeRefused ? refusalOfText(error.status, error.text).message : messageOf(error);
}
