import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from "node:tls";
import { testCertificate } from "../../../tests/testbed/test-certificate.ts";
import { createCheckedLookup, type Resolve } from "./addresses.ts";
import { clientFor, gather, jsonAnswer, listen, providerAt, rawServer, requestTo } from "../testing.ts";
import { proxyFor } from "./proxy.ts";

function to(...addresses: readonly string[]): Resolve {
  return (_name, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
}

async function tlsServer(t: TestContext): Promise<{ port: number; heads: string[]; sockets: Socket[] }> {
  const heads: string[] = [];
  const sockets: Socket[] = [];
  const server = createTlsServer(testCertificate, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      heads.push(chunk.toString("latin1"));
      socket.write(jsonAnswer());
    });
  });
  server.on("connection", (socket) => sockets.push(socket));
  const { port } = await listen(t, server);
  return { port, heads, sockets };
}

function trustTestCertificate(t: TestContext): void {
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, testCertificate.cert]);
  t.after(() => {
    setDefaultCACertificates(before);
  });
}

test("a name is connected to at the address that was checked", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(`http://api.test:${upstream.port}`);
  const { status } = await gather(clientFor(t, [provider], { resolve: to("127.0.0.1") }), requestTo(provider));
  assert.equal(status, 200);
  assert.match(upstream.requests[0]!.head, new RegExp(`host: api\\.test:${upstream.port}\r\n`));
});

test("a name that resolves only to link-local or metadata addresses is refused", async (t) => {
  for (const address of ["169.254.169.254", "fe80::1", "fd00:ec2::254", "::ffff:169.254.1.2", "100.100.100.200", "fe80::1%eth0"]) {
    const provider = providerAt("http://metadata.test");
    assert.deepEqual((await gather(clientFor(t, [provider], { resolve: to(address) }), requestTo(provider))).failure, {
      kind: "refused-destination",
      message:
        "Provider upstream (metadata.test:80) resolves to a link-local or metadata address, which the gateway does not connect to. Check base_url.",
    });
  }
});

test("a name that resolves to another address for each connection is checked for each: after a good one comes no forbidden one", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.end(jsonAnswer().replace("\r\n", "\r\nconnection: close\r\n")));
  const provider = providerAt(`http://rebound.test:${upstream.port}`);
  const answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"], ["fd00:ec2::254", "169.254.1.1"], ["100.100.100.200", "127.0.0.1"]];
  let asked = 0;
  const client = clientFor(t, [provider], { resolve: (name, callback) => to(...answers[asked++]!)(name, callback) });
  const outcomes: unknown[] = [];
  for (const _ of answers) {
    const { status, failure } = await gather(client, requestTo(provider));
    outcomes.push(status ?? failure?.kind);
  }
  assert.deepEqual(
    outcomes.map((outcome) => outcome || "refused-destination"),
    [200, "refused-destination", 200, "refused-destination", 200],
  );
  assert.deepEqual([asked, upstream.sockets.length], [5, 3]);
});

test("a redirect is not followed, wherever it points: no other name is looked up, and the key goes nowhere else", async (t) => {
  const places = [
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.test/",
    "//other.test/",
    "/v1/other",
    "file:///etc/passwd",
    "http://127.0.0.1:1/",
  ];
  const names: string[] = [];
  for (const status of [300, 301, 302, 303, 304, 305, 307, 308]) {
    for (const place of places) {
      const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer("{}", `HTTP/1.1 ${status} Moved\r\nlocation: ${place}`)));
      const provider = providerAt(`http://api.test:${upstream.port}`);
      const resolve: Resolve = (name, callback) => {
        names.push(name);
        to("127.0.0.1")(name, callback);
      };
      const { failure } = await gather(clientFor(t, [provider], { resolve }), requestTo(provider));
      assert.equal(failure?.kind, "malformed", `${status} ${place}`);
      assert.equal(upstream.requests.length, 1);
    }
  }
  assert.deepEqual(new Set(names), new Set(["api.test"]));
});

test("only the allowed ones of several addresses are returned; private addresses are allowed", () => {
  const handedOut: unknown[] = [];
  const lookup = createCheckedLookup(to("fe80::1", "10.0.0.7", "169.254.0.1", "::1"));
  lookup("name", { all: true }, (error, addresses) => handedOut.push(error, addresses));
  lookup("name", {}, (error, address, family) => handedOut.push(error, address, family));
  assert.deepEqual(handedOut, [
    null,
    [
      { address: "10.0.0.7", family: 4 },
      { address: "::1", family: 6 },
    ],
    null,
    "10.0.0.7",
    4,
  ]);
});

test("an address that the operator wrote is not looked up", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  const resolve: Resolve = () => assert.fail("looked up");
  assert.equal((await gather(clientFor(t, [provider], { resolve }), requestTo(provider))).status, 200);
});

test("a certificate that is not trusted ends the call before anything is sent, whatever the environment variables are", async (t) => {
  const upstream = await tlsServer(t);
  const provider = providerAt(`https://api.test:${upstream.port}`);
  const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  t.after(() => {
    if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
  });
  const { failure } = await gather(clientFor(t, [provider], { resolve: to("127.0.0.1") }), requestTo(provider));
  assert.deepEqual(failure, {
    kind: "certificate",
    message:
      `Provider upstream (api.test:${upstream.port}) has a certificate that was not accepted (DEPTH_ZERO_SELF_SIGNED_CERT). ` +
      "A private authority is trusted through NODE_EXTRA_CA_CERTS.",
  });
  assert.deepEqual(upstream.heads, []);
});

test("a certificate for another name is not accepted, one for this name from a trusted authority is", async (t) => {
  trustTestCertificate(t);
  const upstream = await tlsServer(t);
  const good = providerAt(`https://api.test:${upstream.port}`);
  const bad = providerAt(`https://other.test:${upstream.port}`);
  const client = clientFor(t, [good, bad], { resolve: to("127.0.0.1") });
  assert.deepEqual((await gather(client, requestTo(bad))).failure?.kind, "certificate");
  for (let i = 0; i < 3; i++) assert.equal((await gather(client, requestTo(good))).status, 200);
  assert.equal(upstream.heads.length, 3);
  assert.equal(upstream.sockets.length, 2);
});

test("a server without TLS, or with a slow handshake, is reported as such", async (t) => {
  const plain = await rawServer(t, () => {});
  plain.server.on("connection", (socket) => socket.write("220 hello\r\n"));
  const silent = await listen(t, createTcpServer());
  const closing = await listen(
    t,
    createTcpServer((socket) => socket.resetAndDestroy()),
  );
  const wrong = providerAt(`https://127.0.0.1:${plain.port}`);
  const slow = providerAt(`https://127.0.0.1:${silent.port}`, { wait: { connectMs: 30 } });
  const shut = providerAt(`https://127.0.0.1:${closing.port}`);
  const client = clientFor(t, [wrong, slow, shut]);
  const spoken = (await gather(client, requestTo(wrong))).failure!;
  assert.equal(spoken.kind, "unreachable");
  assert.match(spoken.message, /did not complete the TLS handshake \(.*\)\. Check base_url's scheme and port\.$/);
  assert.equal((await gather(client, requestTo(slow))).failure!.kind, "connect-timeout");
  const broken = (await gather(client, requestTo(shut))).failure!;
  assert.equal(broken.kind, "unreachable");
  assert.match(broken.message, /closed the connection before a request could be sent\. Check base_url's scheme and port\.$/);
});

test("an http provider is called through HTTP_PROXY with the whole URL and the proxy's password", async (t) => {
  const proxy = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt("http://api.test:8080/v1");
  const proxyEnv = { HTTP_PROXY: `http://user:p%40ss@127.0.0.1:${proxy.port}` };
  const client = clientFor(t, [provider], { proxyEnv, resolve: () => assert.fail("looked up here") });
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  const { head } = proxy.requests[0]!;
  assert.match(head, /^POST http:\/\/api\.test:8080\/v1\/chat\/completions HTTP\/1\.1\r\n/);
  assert.match(head, /\r\nhost: api\.test:8080\r\n/i);
  assert.match(head, new RegExp(`proxy-authorization: Basic ${Buffer.from("user:p@ss").toString("base64")}\r\n`));
  assert.equal(proxy.sockets.length, 1);
});

test("an https provider is called through a tunnel, with its own certificate checked; a stale tunnel is replaced", async (t) => {
  trustTestCertificate(t);
  const upstream = await tlsServer(t);
  const tunnels: Socket[] = [];
  const proxy = await rawServer(t, ({ socket, head }) => {
    assert.match(head, /^CONNECT api\.test:\d+ HTTP\/1\.1\r\n/);
    socket.removeAllListeners("data");
    const out = connect(upstream.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(out).pipe(socket);
    });
    out.on("error", () => {});
    out.on("close", () => socket.destroy());
    tunnels.push(out);
  });
  const provider = providerAt(`https://api.test:${upstream.port}/v1`);
  const client = clientFor(t, [provider], { proxyEnv: { https_proxy: `127.0.0.1:${proxy.port}` } });
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.equal(tunnels.length, 1);
  assert.match(upstream.heads[0]!, /^POST \/v1\/chat\/completions HTTP\/1\.1\r\n/);
  assert.doesNotMatch(upstream.heads[0]!, /proxy-/i);
  upstream.sockets[0]!.resetAndDestroy();
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.equal(tunnels.length, 2);
});

test("a proxy that refuses, requires a password or is not there is named as the cause, without its password", async (t) => {
  const provider = providerAt("https://api.test");
  const plain = providerAt("http://api.test");
  const refusing = await rawServer(t, ({ socket }) => socket.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
  const asking = await rawServer(t, ({ socket }) => socket.write("HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n"));
  const gone = await rawServer(t, () => {});
  gone.server.close();
  await once(gone.server, "close");
  const outcome = async (port: number, target = provider): Promise<string> => {
    const url = `http://u:hunter2@127.0.0.1:${port}`;
    const client = clientFor(t, [target], { proxyEnv: { HTTPS_PROXY: url, HTTP_PROXY: url } });
    const { failure } = await gather(client, requestTo(target));
    assert.doesNotMatch(failure!.message, /hunter2/);
    return `${failure!.kind}: ${failure!.message.replaceAll(String(port), "PORT")}`;
  };
  assert.equal(
    await outcome(refusing.port),
    "unreachable: Provider upstream (api.test:443 through the proxy 127.0.0.1:PORT) could not be reached through the proxy " +
      "(Proxy response (403) !== 200 when HTTP Tunneling). Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
  );
  assert.match(await outcome(asking.port, plain), /^unreachable: .*Proxy Authentication Required \(407\)/);
  assert.match(await outcome(gone.port), /^unreachable: .* refuses connections/);
});

test("a proxy is chosen by scheme and NO_PROXY, and never for this machine", () => {
  const env = { HTTPS_PROXY: "http://secure:1", http_proxy: "http://plain:1", HTTP_PROXY: "http://shadowed:1" };
  const rows: readonly (readonly [url: string, noProxy: string, expected: string | undefined])[] = [
    ["https://api.openai.com", "", "http://secure:1"],
    ["http://api.openai.com", "", "http://plain:1"],
    ["http://localhost:11434", "", undefined],
    ["http://127.0.0.2:1", "", undefined],
    ["http://[::1]:1", "", undefined],
    ["https://api.openai.com", "*", undefined],
    ["https://api.openai.com", "other.com, openai.com", undefined],
    ["https://api.openai.com", ".openai.com", undefined],
    ["https://api.openai.com", "*.openai.com:443", undefined],
    ["https://api.openai.com", "openai.com:8443", "http://secure:1"],
    ["https://notopenai.com", "openai.com", "http://secure:1"],
    ["https://10.0.0.1", "10.0.0.1", undefined],
    ["https://110.0.0.1", "10.0.0.1", "http://secure:1"],
    ["https://[fd00::1]:8443", "[fd00::1]:8443", undefined],
    ["https://[fd00::1]", "fd00::1", undefined],
    ["https://API.OpenAI.com.", "api.openai.COM", undefined],
  ];
  for (const [url, noProxy, expected] of rows) {
    assert.deepEqual([url, noProxy, proxyFor(new URL(url), { ...env, NO_PROXY: noProxy })], [url, noProxy, expected]);
  }
  assert.equal(proxyFor(new URL("https://a.b"), {}), undefined);
  assert.equal(proxyFor(new URL("https://a.b"), { HTTP_PROXY: "http://plain:1" }), undefined);
  assert.equal(proxyFor(new URL("https://a.b"), { https_proxy: "proxy.example:3128" }), "http://proxy.example:3128");
});

test("what may be reached at a public address only is not called through a proxy, which would resolve the name itself", async (t) => {
  const proxy = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = { ...providerAt("http://seller.test:8082"), isPublicOnly: true };
  const client = clientFor(t, [provider], { proxyEnv: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` } });
  const { failure } = await gather(client, requestTo(provider));
  assert.equal(failure?.kind, "refused-destination");
  assert.match(failure.message, /through a proxy, behind which the gateway cannot check/);
  assert.equal(proxy.requests.length, 0);
});

test("an address that somebody else has named is connected to only if it is public", () => {
  const inside = [
    "127.0.0.1",
    "10.0.0.7",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "224.0.0.1",
  ];
  const found: unknown[] = [];
  const isAll = { all: true } as const;
  createCheckedLookup(to(...inside), true)("name", isAll, (error) => found.push(error?.code));
  createCheckedLookup(to(...inside, "93.184.216.34"), true)("name", isAll, (error, addresses) => found.push(error, addresses));
  assert.deepEqual(found, ["ERR_ADDRESS_REFUSED", null, [{ address: "93.184.216.34", family: 4 }]]);
});
