import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { BoughtLease } from "../../src/market/buy/bought-lease.ts";
import { documentText, readDocument, signDocument, verifyDocument } from "../../src/market/documents/document.ts";
import type { MarketDocument } from "../../src/market/documents/document.ts";
import { createFrameSplitter, encodeFrame, frameTypes, type Frame } from "../../src/market/identity/frames.ts";
import { createNodeKey, type NodeKey } from "../../src/market/identity/node-key.ts";
import { createLeaseSecret } from "../../src/market/identity/sealing.ts";
import { hashOfBytes } from "../../src/market/documents/document.ts";
import { readInvite } from "../../src/market/peers/invites.ts";
import { marketPrefix, requestBytes } from "../../src/market/wire.ts";

/** What the line does with a frame of an answer: frames in its place, or the end of the connection. */
export type OnFrame = (frame: Frame) => readonly Frame[] | "cut";

/** The line between two gateways: it keeps all bytes, and alters answers as it is asked to. */
export interface MarketLine {
  readonly url: string;
  target: string;
  /** All that went either way, without the heads of HTTP. */
  readonly bytes: Buffer[];
  onFrame: OnFrame;
  /** What becomes of the body of a request. */
  onRequest: (path: string, body: Buffer, headers: IncomingHttpHeaders) => Buffer;
  /** What becomes of an answer that has no frames, or whose frames are looked at by nobody else. */
  onAnswer: (path: string, bytes: Buffer) => Buffer;
  close(): Promise<void>;
}

export const asItIs: OnFrame = (frame) => [frame];

export async function createMarketLine(): Promise<MarketLine> {
  const line: Omit<MarketLine, "url" | "close"> = {
    target: "",
    bytes: [],
    onFrame: asItIs,
    onRequest: (_path, body) => body,
    onAnswer: (_path, bytes) => bytes,
  };
  const server: Server = createServer((incoming, outgoing) => {
    void bodyOf(incoming).then((sent) => {
      line.bytes.push(sent);
      const { method = "GET", url: path = "/", headers } = incoming;
      const body = line.onRequest(path, sent, headers);
      const forward = httpRequest(line.target + path, { method, headers: { ...headers, host: new URL(line.target).host } }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { "content-type": answer.headers["content-type"] ?? "" });
        const splitter = createFrameSplitter();
        answer.on("data", (chunk: Buffer) => {
          line.bytes.push(chunk);
          if (!path.endsWith("/serve") || answer.statusCode !== 200) {
            outgoing.write(line.onAnswer(path, chunk));
            return;
          }
          for (const frame of splitter.push(chunk)) {
            const frames = line.onFrame(frame);
            if (frames === "cut") {
              answer.destroy();
              // After what was sent before.
              setImmediate(() => outgoing.destroy());
              return;
            }
            for (const { type, payload } of frames) outgoing.write(encodeFrame(type, payload));
          }
        });
        answer.on("end", () => outgoing.end());
        answer.on("error", () => outgoing.destroy());
      });
      forward.on("error", () => outgoing.destroy());
      outgoing.on("close", () => forward.destroy());
      forward.end(body);
    });
  });
  const upgraded = new Set<Socket>();
  server.on("upgrade", (incoming, socket: Socket, head: Buffer) => {
    const { hostname, port } = new URL(line.target);
    const other = connect(Number(port), hostname, () => {
      const lines = incoming.rawHeaders.flatMap((name, index, all) => (index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : []));
      other.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      other.write(head);
      socket.pipe(other).pipe(socket);
      for (const side of [socket, other]) side.on("data", (chunk: Buffer) => line.bytes.push(chunk));
    });
    for (const [one, two] of [
      [socket, other],
      [other, socket],
    ] as const) {
      upgraded.add(one);
      one
        .on("error", () => undefined)
        .on("close", () => {
          upgraded.delete(one);
          two.destroy();
        });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(line, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      server.close();
      await once(server, "close");
    },
  });
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

export interface Reply {
  readonly status: number;
  /** Of a refusal. */
  readonly code: string | undefined;
  readonly body: Buffer;
}

interface SellersBook {
  readonly node: MarketDocument<"node/1">;
  readonly offers: readonly MarketDocument<"offer/1">[];
}

/** A node that follows the protocol only as far as a test wants it to. */
export class RogueBuyer {
  readonly key: NodeKey;
  readonly #url: string;
  readonly #node: string;
  #read: Promise<SellersBook> | undefined;

  constructor(invite: string, seed: number) {
    const { urls, node } = readInvite(invite);
    this.key = createNodeKey(Buffer.alloc(32, seed));
    this.#url = urls[0]! + marketPrefix;
    this.#node = node;
  }

  async join(invite: string): Promise<Reply> {
    const node = signDocument(this.key, "node/1", {
      node: this.key.id,
      name: "rogue",
      seq: 1,
      at: Date.now(),
      seal: [{ kid: "k1", x25519: "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo", until: Date.now() + 1e6 }],
      reach: {},
    });
    return await this.post("/join", JSON.stringify({ code: readInvite(invite).code, node }));
  }

  async post(path: string, body: string | Buffer): Promise<Reply> {
    return await replyOf(await fetch(this.#url + path, { method: "POST", body: typeof body === "string" ? body : new Uint8Array(body) }));
  }

  /** @param skewMs how far its clock is ahead. */
  async get(path: string, skewMs = 0): Promise<Reply> {
    const at = Date.now() + skewMs;
    const sig = this.key.sign(requestBytes(this.#node, marketPrefix + path, at)).toString("base64url");
    return await replyOf(await fetch(this.#url + path, { headers: { authorization: `TN1 ${this.key.id}.${at}.${sig}` } }));
  }

  /** As it was first read: a lease may be on an offer of the last ten minutes. */
  async #book(): Promise<SellersBook> {
    this.#read ??= this.get("/book").then(({ body }) => JSON.parse(body.toString("utf8")) as SellersBook);
    return await this.#read;
  }

  /** The text of a request for a lease. */
  async leaseRequest({ skewMs = 0, hold = "10000000" }: { readonly skewMs?: number; readonly hold?: string } = {}): Promise<string> {
    const { offers } = await this.#book();
    const request = signDocument(this.key, "lease-request/1", {
      buyer: this.key.id,
      clearing: this.#node,
      seller: this.#node,
      offer: verifyDocument(offers[0]!, this.#node),
      hold,
      ttl_s: 60,
      nonce: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url"),
      at: Date.now() + skewMs,
    });
    return documentText(request);
  }

  async lease(): Promise<BoughtLease> {
    const { body } = await this.post("/leases", await this.leaseRequest());
    const document = readDocument("lease/1", body.toString("utf8"));
    const { node } = await this.#book();
    const seal = node.body.seal[0]!;
    return new BoughtLease(document.body, createLeaseSecret(document.body.lease, seal.kid, seal.x25519), this.key);
  }

  /** The frames of a request. @param target as `{dialect, path}`. */
  frames(lease: BoughtLease, target: object, body: object, max = 5_000_000n): Buffer {
    const plain = Buffer.from(`${JSON.stringify(target)}\n${JSON.stringify(body)}`);
    const order = lease.order(hashOfBytes(plain), { max, maxOutput: 1000, deadline: Date.now() + 60_000 });
    const open = JSON.stringify({ order: order.document, kid: lease.secret.kid, enc: lease.secret.enc.toString("base64url") });
    const sealed = lease.secret.sealer(order.document.body.n, "request").seal(frameTypes.requestEnd, plain);
    return Buffer.concat([encodeFrame(frameTypes.open, Buffer.from(open)), encodeFrame(frameTypes.requestEnd, sealed)]);
  }

  /** The status of the answer's head, and what its receipt says. */
  opened(
    lease: BoughtLease,
    n: number,
    reply: Reply,
  ): { readonly head: number; readonly status: string; readonly cost: string; readonly text: string } {
    const opener = lease.secret.opener(n, "answer");
    const frames = createFrameSplitter().push(reply.body);
    const plain = frames.map(({ type, payload }) => ({ type, text: opener.open(type, payload).toString("utf8") }));
    const { status, cost } = readDocument("receipt/1", plain.at(-1)!.text).body;
    const text = plain
      .slice(1, -1)
      .map((frame) => frame.text)
      .join("");
    return { head: (JSON.parse(plain[0]!.text) as { readonly status: number }).status, status, cost, text };
  }
}

async function replyOf(reply: Response): Promise<Reply> {
  const body = Buffer.from(await reply.arrayBuffer());
  let code: string | undefined;
  try {
    code = (JSON.parse(body.toString("utf8")) as { readonly error?: { readonly code?: string } }).error?.code;
  } catch {
    // Frames.
  }
  return { status: reply.status, code, body };
}
