import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { gather, rawServer, requestTo, testBothWays } from "../testing.ts";

const ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

const compressed: readonly (readonly [encoding: string, compress: (text: string) => Buffer])[] = [
  ["gzip", gzipSync],
  ["x-gzip", gzipSync],
  ["br", brotliCompressSync],
  ["deflate", deflateSync],
  ["zstd", zstdCompressSync],
  ["GZIP", gzipSync],
];

for (const [encoding, compress] of compressed) {
  testBothWays(`an answer in ${encoding} is inflated although it was asked for as it is`, async (t, reach) => {
    const text = JSON.stringify({ text: "abc".repeat(10_000) });
    const body = compress(text);
    const upstream = await rawServer(t, ({ socket }) => {
      socket.write(`${ok}content-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\nx-kept: 1\r\n\r\n`);
      socket.write(body);
    });
    const { provider, client } = reach(t, upstream);
    assert.deepEqual(await gather(client, requestTo(provider)), {
      status: 200,
      headers: ["content-type", "application/json", "x-kept", "1"],
      body: text,
    });
    await gather(client, requestTo(provider));
    assert.equal(upstream.sockets.length, 1);
  });
}

testBothWays("a compressed answer without a body is an empty one", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(`${ok}content-encoding: gzip\r\ncontent-length: 0\r\n\r\n`));
  const { provider, client } = reach(t, upstream);
  const { body, failure } = await gather(client, requestTo(provider));
  assert.deepEqual([body, failure], ["", undefined]);
});

testBothWays("compression that is broken, cut off, unknown, or a bomb is malformed", async (t, reach) => {
  const whole = gzipSync("a".repeat(1_000));
  const megabyte = gzipSync(Buffer.alloc(1024 * 1024));
  const rows: readonly (readonly [encoding: string, body: Buffer, message: RegExp])[] = [
    ["gzip", Buffer.from("this is not gzip"), /sent a compressed answer that cannot be inflated\.$/],
    ["gzip", whole.subarray(0, whole.length - 9), /sent a compressed answer that cannot be inflated\.$/],
    ["gzip, br", whole, /sent its answer in an encoding that was not requested \(gzip, br\)\.$/],
    [
      "gzip",
      Buffer.concat(Array.from({ length: 65 }, () => megabyte)),
      /sent a compressed answer that inflates to more than 67108864 bytes\.$/,
    ],
  ];
  for (const [encoding, body, message] of rows) {
    const upstream = await rawServer(t, ({ socket }) => {
      socket.write(`${ok}content-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    const { provider, client } = reach(t, upstream);
    const { failure } = await gather(client, requestTo(provider, { stream: true }));
    assert.equal(failure?.kind, "malformed");
    assert.match(failure.message, message);
  }
});

testBothWays("a handler that pauses holds the provider back through the inflating, too", async (t, reach) => {
  const body = gzipSync(randomBytes(12_000_000), { level: 0 });
  const upstream = await rawServer(t, ({ socket }) => {
    socket.write(`${ok}content-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`);
    socket.write(body);
  });
  const { provider, client } = reach(t, upstream);
  let size = 0;
  const ended = new Promise<void>((resolve, reject) => {
    const call = client.dispatch(requestTo(provider, { stream: true }), {
      onHead() {
        call.pause();
        setTimeout(() => {
          if (size > 0) reject(new Error("data came in a pause"));
          if (upstream.sockets[0]!.writableLength === 0) reject(new Error("the provider could send everything"));
          call.resume();
        }, 60);
      },
      onData(chunk) {
        size += chunk.length;
      },
      onEnd: resolve,
      onFailure: ({ message }) => reject(new Error(message)),
    });
  });
  await ended;
  assert.equal(size, 12_000_000);
});
