import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import type { FetchHandler } from "./fetch-handler.ts";
import { serveHttp2 } from "./http2-bridge.ts";

interface Answered {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A host of HTTP/2 before a handler for web requests. */
async function serve(t: TestContext, fetch: FetchHandler): Promise<(headers: OutgoingHttpHeaders, body?: string) => Promise<Answered>> {
  const deps = { fetch, pathOf: (url: string) => url };
  const server = createServer((request, response) => serveHttp2(deps, request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    session.destroy();
    server.close();
  });
  return async (headers, body) => {
    const stream = session.request(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    const [received] = (await once(stream, "response")) as [IncomingHttpHeaders];
    return { headers: received, body: await text(stream) };
  };
}

test("a request of HTTP/2 arrives as a web request: address, method, headers, body and who calls", async (t) => {
  const seen: unknown[] = [];
  const ask = await serve(t, async (request, caller) => {
    const { url, method, headers } = request;
    seen.push([
      new URL(url).pathname,
      method,
      headers.get("x-name"),
      [...headers.keys()].some((name) => name.startsWith(":")),
      await request.text(),
      caller?.remoteAddress,
    ]);
    return Response.json({ ok: true }, { status: 201 });
  });
  const made = await ask({ ":method": "POST", ":path": "/v1/things?x=1", "x-name": "a" }, "body");
  assert.deepEqual([made.headers[":status"], made.body], [201, '{"ok":true}']);
  await ask({ ":path": "/v1/things" });
  assert.deepEqual(seen, [
    ["/v1/things", "POST", "a", false, "body", "127.0.0.1"],
    ["/v1/things", "GET", null, false, "", "127.0.0.1"],
  ]);
});

test("several cookies of an answer stay separate, and an answer without a body has none", async (t) => {
  const ask = await serve(t, () => {
    const headers = new Headers([
      ["set-cookie", "a=1; Path=/"],
      ["set-cookie", "b=; Max-Age=0"],
    ]);
    return Promise.resolve(new Response(null, { status: 303, headers }));
  });
  const { headers, body } = await ask({ ":path": "/" });
  assert.deepEqual([headers[":status"], headers["set-cookie"], body], [303, ["a=1; Path=/", "b=; Max-Age=0"], ""]);
});

test("a handler that fails, and an answer that breaks off, end the stream with an error", async (t) => {
  const broken = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from("begin"));
    },
    pull(controller) {
      controller.error(new Error("the provider has gone"));
    },
  });
  const ask = await serve(t, ({ url }) =>
    url.endsWith("/fails") ? Promise.reject(new Error("no")) : Promise.resolve(new Response(broken, { status: 200 })),
  );
  await assert.rejects(ask({ ":path": "/fails" }), { code: "ERR_HTTP2_STREAM_ERROR" });
  await assert.rejects(ask({ ":path": "/breaks" }), { code: "ERR_HTTP2_STREAM_ERROR" });
});
