import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createHome, endBy, type Home, type RunningProcess } from "../tests/process/processes.ts";
import { createMockUpstream, type MockUpstream } from "../tests/testbed/mock-upstream.ts";
import { waitUntil } from "../tests/testbed/wait-until.ts";

/**
 * `npm run demo:market`: two gateways on this machine, each with a model of its own behind a mock server, buy from each other on one limit. The seller
 * is killed under load, and both check their statements. Then they trade over an exchange, a third gateway, whose books are checked. Then one buys by a policy, and the other is caught as its engine counts too much.
 * Everything listens on 127.0.0.1 and lies in folders that are removed.
 */

interface Side {
  readonly name: string;
  readonly model: string;
  readonly home: Home;
  readonly mock: MockUpstream;
  readonly port: string;
  running: RunningProcess;
  key: string;
}

const began = performance.now();

function say(text: string): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${text === "" ? "" : `\n${seconds} s  `}${text}\n`);
}

function show(command: string, output: string): void {
  process.stdout.write(`\n  $ ${command}\n${output.trimEnd().replaceAll(/^/gm, "  ")}\n`);
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return String(port);
}

async function startSide(name: string, model: string): Promise<Side> {
  const home = await createHome();
  const mock = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  const port = await freePort();
  await home.writeConfig(
    `market: { listen: "127.0.0.1:${await freePort()}", name: ${name}, lease: 1m, allow_private: true, per_buyer: { calls_per_second: 200 }, buy: { substitutes: { phi4: [qwen3] }, per_day: "1" } }
providers: { rig: { base_url: "${mock.url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [${model}] } }
`,
  );
  const running = await home.start("--port", port);
  return { name, model, home, mock, port, running, key: running.api_key ?? "" };
}

/** Runs a command, shows it with what it prints, and expects it to end well. */
async function run({ name, home }: Side, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.tokligence(...args);
  const shown = args.map((arg) => (arg.length > 40 ? `${arg.slice(0, 12)}…` : arg)).join(" ");
  show(
    `${name}: tokligence ${shown}`,
    `${stdout}${stderr}`.replaceAll(/[\w-]{80,}/g, (word) => `${word.slice(0, 24)}…`),
  );
  if (code !== 0) throw new Error(`"${shown}" ended with ${code}`);
  return stdout;
}

/** @returns how many of the requests were answered. */
async function ask(buyer: Side, model: string, count: number, { maxTokens = 200, key = buyer.key } = {}): Promise<number> {
  let answered = 0;
  for (let request = 0; request < count; request++) {
    const reply = await fetch(`${buyer.running.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        model,
        max_tokens: maxTokens,
        stream: request % 2 === 1,
        messages: [{ role: "user", content: "What is a lease?" }],
      }),
    }).catch(() => undefined);
    const text = (await reply?.text().catch(() => "")) ?? "";
    if (reply?.status === 200 && text !== "") answered += 1;
  }
  return answered;
}

async function introduce(seller: Side, buyer: Side): Promise<void> {
  const { stdout } = await seller.home.tokligence("market", "invite", "--limit", "5", "--json");
  await run(buyer, "market", "join", (JSON.parse(stdout) as { readonly invite: string }).invite, "--yes");
}

async function settled(sides: readonly Side[]): Promise<void> {
  await waitUntil(
    "the leases are settled",
    async () => {
      for (const { home } of sides) {
        const { stdout } = await home.tokligence("market", "status", "--json");
        const { peers } = JSON.parse(stdout) as { readonly peers: readonly { readonly reserved_credits: string }[] };
        if (peers.some(({ reserved_credits: reserved }) => reserved !== "0")) return false;
      }
      return true;
    },
    30_000,
  );
}

/** What members have bought is settled at the exchange, and acknowledged. */
async function paid({ home }: Side): Promise<void> {
  interface Member {
    readonly paid_credits: string;
    readonly contested_credits: string;
  }
  await waitUntil(
    "the exchange has paid",
    async () => {
      const { data } = JSON.parse((await home.tokligence("exchange", "report", "--json")).stdout) as { readonly data: readonly Member[] };
      const isPaid = data.some(({ paid_credits: credits }) => credits !== "0");
      return isPaid && data.every(({ contested_credits: waiting }) => waiting === "0");
    },
    30_000,
  );
}

async function restart(side: Side): Promise<void> {
  await endBy(side.running, "SIGTERM");
  side.running = await side.home.start("--port", side.port);
}

async function demo(anna: Side, bob: Side): Promise<void> {
  say("Bob shares his model, and Anna takes his invite.");
  await run(bob, "market", "share", bob.model, "--input", "0.08", "--output", "0.28", "--licence", "Apache-2.0");
  await introduce(bob, anna);
  await run(anna, "market", "offers");
  say("Anna's clients name the model as @bob/qwen3, as JSON and as streams.");
  show("answered", `${await ask(anna, "@bob/qwen3", 10)} of 10`);

  say("The other way: Anna shares hers. Both buy on one limit.");
  await run(anna, "market", "share", anna.model, "--input", "0.10", "--output", "0.40", "--licence", "MIT");
  await introduce(anna, bob);
  show("answered", `${await ask(bob, "@anna/phi4", 6)} of 6`);

  say("A request that must stay at home is refused before anything is sent.");
  const kept = await fetch(`${anna.running.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${anna.key}`, "x-tokligence-market": "off" },
    body: JSON.stringify({ model: "@bob/qwen3", messages: [{ role: "user", content: "A secret" }] }),
  });
  show(
    `with x-tokligence-market: off: ${kept.status}`,
    ((await kept.json()) as { readonly error: { readonly message: string } }).error.message,
  );

  say("Bob's gateway is killed with kill -9 under load, and started again.");
  const load = ask(anna, "@bob/qwen3", 30);
  await waitUntil("the load goes on", () => bob.mock.requests.length > 15);
  await endBy(bob.running, "SIGKILL");
  bob.running = await bob.home.start("--port", bob.port);
  show("answered", `${await load} of 30; the others got an error, and cost nothing that was not received`);

  await run(anna, "market", "status");

  say("Both end their leases, and check all that the other has stated.");
  await restart(anna);
  await restart(bob);
  await settled([anna, bob]);
  await run(anna, "market", "trades", "--limit", "4");
  for (const side of [anna, bob]) {
    await run(side, "market", "statement", "--verify");
    await run(side, "market", "status");
  }
}

/** An exchange keeps the accounts of its members, and sees neither requests nor answers. */
async function exchange(anna: Side, bob: Side, plaza: Side): Promise<string> {
  say("An exchange: a third gateway keeps an account of each member. Anna and Bob join it, and Bob's offer is in its book.");
  await run(plaza, "exchange", "start");
  for (const side of [bob, anna]) {
    const { stdout } = await plaza.home.tokligence("exchange", "invite", "--limit", "5", "--json");
    await run(side, "market", "join", (JSON.parse(stdout) as { readonly invite: string }).invite, "--yes");
  }
  await run(anna, "market", "offers");
  say("Only requests of a key that may go to anybody do so; they name the model at the exchange.");
  show("answered with the usual key", `${await ask(anna, `@plaza/${bob.model}`, 2)} of 2`);
  const made = await anna.home.tokligence("apikey", "create", "admin", "--market", "any", "--json");
  const { key } = JSON.parse(made.stdout) as { readonly key: string };
  show("answered with a key that has --market any", `${await ask(anna, `@plaza/${bob.model}`, 8, { key })} of 8`);
  say("Both end their leases, and the exchange checks all its books from scratch.");
  // Anna asks for Bob's offers when she starts.
  await restart(bob);
  await restart(anna);
  await settled([anna, bob]);
  await paid(plaza);
  await run(plaza, "exchange", "report");
  await run(plaza, "exchange", "members");
  await run(plaza, "exchange", "check");
  return key;
}

/** Carol's gateway is behind a router: nobody can call it. It keeps connections to the exchange, which passes sealed calls on. @param key of Anna's that may go to anybody. */
async function relayed(anna: Side, carol: Side, plaza: Side, key: string): Promise<void> {
  say("A relay: Carol's gateway listens on nothing. It connects to the exchange, and is called through it.");
  const { stdout } = await plaza.home.tokligence("exchange", "invite", "--limit", "0", "--json");
  await run(carol, "market", "join", (JSON.parse(stdout) as { readonly invite: string }).invite, "--yes");
  await run(carol, "market", "share", carol.model, "--input", "0.05", "--output", "0.20", "--licence", "MIT", "--relay", "plaza");
  await run(carol, "market", "status");
  await waitUntil("Carol's offer is in the book", async () => {
    const { stdout: offers } = await anna.home.tokligence("market", "offers");
    return offers.includes(carol.model);
  });
  show("answered", `${await ask(anna, `@plaza/${carol.model}`, 6, { key })} of 6`);
  say("The exchange is killed with kill -9, and started again: Carol connects to it by herself.");
  await endBy(plaza.running, "SIGKILL");
  plaza.running = await plaza.home.start("--port", plaza.port);
  await waitUntil("Carol is connected", async () => (await plaza.home.tokligence("market", "status")).stdout.includes("carol"), 20_000);
  show("answered", `${await ask(anna, `@plaza/${carol.model}`, 6, { key })} of 6`);
  await run(plaza, "market", "status");
}

/** Buying and selling by policies. */
async function automatic(anna: Side, bob: Side): Promise<void> {
  say("Automatic: Anna's clients name her own model. When her server has no room, Bob's answers in its place.");
  await run(anna, "market", "buy", "policy", anna.model, "spill", "--max-price", "1");
  anna.mock.reset();
  bob.mock.reset();
  show("answered while her server has room", `${await ask(anna, anna.model, 4)} of 4, ${postsTo(bob)} of them by Bob`);
  anna.mock.enqueue({ trouble: { kind: "error", error: { status: 429, message: "Slow down.", headers: { "retry-after": "60" } } } });
  show("answered while it limits the rate", `${await ask(anna, anna.model, 30)} of 30, ${postsTo(bob)} of them by Bob`);
  await run(anna, "market", "explain", anna.model);

  say("Bob's own requests come first: with a server that bears one at a time, nothing is left to sell.");
  await run(bob, "market", "sell", bob.model, "--concurrency", "1", "--hours", "always");
  await run(bob, "market", "explain", bob.model);
  await run(bob, "market", "sell", bob.model, "--concurrency", "4");

  say("A cheat: Bob's engine counts 5,000 tokens for a short text. Anna does not acknowledge that, and asks him no more.");
  await run(anna, "market", "offers");
  bob.mock.enqueue({ text: ["One, two, three."], usage: { output: 5000 } });
  show("answered", `${await ask(anna, `@bob/${bob.model}`, 1, { maxTokens: 6000 })} of 1`);
  await run(anna, "market", "explain", anna.model);
}

function postsTo({ mock }: Side): number {
  return mock.requests.filter(({ method }) => method === "POST").length;
}

const sides: Side[] = [];
try {
  say("Four gateways start: Anna's, Bob's and Carol's with a server of their own, and one that will be an exchange.");
  for (const [name, model] of Object.entries({ anna: "phi4", bob: "qwen3", plaza: "llama3", carol: "mistral" }))
    sides.push(await startSide(name, model));
  const [anna, bob, plaza, carol] = sides as [Side, Side, Side, Side];
  await demo(anna, bob);
  const key = await exchange(anna, bob, plaza);
  await relayed(anna, carol, plaza, key);
  await automatic(anna, bob);
  say("Done.");
} finally {
  for (const { home, mock } of sides) {
    await home.clear();
    await mock.close();
  }
}
// The server that runs the commands has a connection of its own.
process.exit();
