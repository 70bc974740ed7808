import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { PROTOCOLS, type Protocol, type ScenarioTrouble } from "../testbed/scenario.ts";
import { createPlace, runCommand, writeHomeFiles, type Agent, type AgentRun, type Place } from "./agent.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { geminiCli } from "./gemini-cli.ts";
import { createOpencode } from "./opencode.ts";
import { upstreamModels } from "../testbed/upstream-models.ts";
import { createStory, fileText, finalText, image, shellText, type Story } from "./story.ts";

const agents = [codex, claudeCode, geminiCli, ...PROTOCOLS.map(createOpencode)];

/** What the mock signs its nth answer with; Chat has no proofs of reasoning. */
const proofs: Readonly<Partial<Record<Protocol, (serial: number) => string>>> = {
  "openai-responses": (serial) => `gAAAAmock${serial}==`,
  "anthropic-messages": (serial) => Buffer.from(`anthropic-signature-${serial}`).toString("base64"),
  "gemini-generate": (serial) => Buffer.from(`gemini-signature-${serial}`).toString("base64"),
};

const troubles: Readonly<Record<string, ScenarioTrouble>> = {
  "a 429": { kind: "error", error: { status: 429, headers: { "retry-after": "1" } } },
  "a 500": { kind: "error", error: { status: 500 } },
  "a 503": { kind: "error", error: { status: 503 } },
  "a 529": { kind: "error", error: { status: 529 } },
  "a stream that is cut": { kind: "cut", afterPieces: 2 },
  "an error in the stream": { kind: "error-event", afterPieces: 2, error: { status: 529 } },
};

/** Everything that one run of an agent is judged by. */
interface Seen {
  readonly run: AgentRun;
  readonly story: Story;
  readonly mock: MockUpstream;
  readonly gateway: TestGateway;
  readonly place: Place;
  /** Goes on with the session, in a new process. */
  resume(): Promise<AgentRun>;
}

const secondPrompt = "Say it once more, please ✓.";

async function play(
  agent: Agent,
  model: string,
  upstream: Protocol,
  options: { readonly trouble?: ScenarioTrouble; readonly writeBytes?: number },
): Promise<Seen & AsyncDisposable> {
  const place = await createPlace();
  await writeFile(join(place.project, "picture.png"), Buffer.from(image, "base64"));
  const story = createStory({ agent, place, ...options });
  const mock = await createMockUpstream({ apiKeys: ["sk-agents"], choose: story.choose });
  const base = upstream.startsWith("openai") ? `${mock.url}/v1` : mock.url;
  const served = upstreamModels[upstream];
  const gateway = await startGateway({
    config: `
providers:
  upstream: { protocols: [${upstream}], api_key: sk-agents, base_url: "${base}", models: ["${served}"] }
model_aliases: { "${model}": "upstream/${served}" }
`,
  });
  const { key } = await gateway.createKey("agent");
  const connection = { url: gateway.url, key };
  await writeHomeFiles(agent, place, connection, model);
  const run = await runCommand(agent.command(connection, model, "Do the task that you were given."), place);
  return {
    run,
    story,
    mock,
    gateway,
    place,
    resume: () => runCommand(agent.resume(connection, model, secondPrompt), place),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await mock.close();
      await place.remove();
    },
  };
}

/** The agent has done what the model said, and the model has seen what the agent did. */
async function judge({ run, story, mock, gateway, place }: Seen, upstream: Protocol): Promise<void> {
  const told = `exit ${run.code}\n${run.stdout.slice(-2000)}\n${run.stderr.slice(-3000)}\n${await gateway.logText()}`;
  assert.equal(run.code, 0, told);
  assert.ok(run.stdout.trimEnd().endsWith(finalText), told);
  assert.equal((await readFile(join(place.project, "hello.txt"), "utf8")).trimEnd(), fileText);
  for (const request of story.turns)
    assert.notEqual(request.scenario, null, `the upstream refused ${request.body.toString().slice(0, 2000)}`);

  const bodies = story.turns.map((request) => request.body.toString());
  const last = bodies.at(-1)!;
  assert.ok(bodies.length >= (story.looked ? 3 : 2), `only ${bodies.length} turns`);
  assert.ok(last.includes(shellText), "what the command printed reached the model");
  if (story.looked) assert.ok(last.includes(image), "the image reached the model");
  const proofOf = proofs[upstream];
  for (const turn of story.turns.slice(0, -1)) {
    if (proofOf === undefined) continue;
    assert.ok(last.includes(proofOf(turn.serial)), `the proof of answer ${turn.serial} came back`);
  }
  // Whatever went wrong on the way, each request has its entry, and what was answered well is charged as the upstream reported.
  // A count of tokens has an entry without any.
  const rows = (await gateway.rows()).filter((row) => row.status === "ok" && row.usage_source !== "none");
  const reported = mock.requests.filter(
    (request) => request.end?.how === "answered" && request.reportedUsage !== null && !story.troubled.includes(request),
  );
  assert.deepEqual(
    rows.map((row) => `${row.input_tokens} in, ${row.output_tokens} out`).sort(),
    reported.map(({ reportedUsage }) => `${reportedUsage!.input} in, ${reportedUsage!.output} out`).sort(),
  );
}

/** The model sees what was said and done before, and the agent shows its answer. */
async function judgeResumed({ story, gateway }: Seen, run: AgentRun): Promise<void> {
  const output = `exit ${run.code}\n${run.stdout.slice(-2000)}\n${run.stderr.slice(-3000)}\n${await gateway.logText()}`;
  assert.equal(run.code, 0, output);
  assert.ok(run.stdout.trimEnd().endsWith(finalText), output);
  for (const request of story.turns)
    assert.notEqual(request.scenario, null, `the upstream refused ${request.body.toString().slice(0, 2000)}`);
  const last = story.turns.at(-1)!.body.toString();
  for (const part of ["Do the task that you were given.", shellText, "I work.", secondPrompt])
    assert.ok(last.includes(part), `${part}: ${output}`);
}

/** The agent shows the error that the gateway sent and ends. */
function judgeShown({ run, story }: Seen): void {
  const output = `exit ${run.code}\n${run.stdout.slice(-2000)}\n${run.stderr.slice(-3000)}`;
  assert.equal(run.code, 1, output);
  assert.match(run.stdout + run.stderr, /"type":"(?:api|overloaded)_error","message":"[^"]+/, output);
  assert.equal(story.turns.length, 1, output);
}

const only = process.env["AGENTS"]?.split(",");

for (const agent of agents) {
  if (only !== undefined && !only.includes(agent.name)) continue;
  for (const model of agent.models) {
    for (const upstream of PROTOCOLS) {
      if (upstream === agent.dialect) continue;
      test(`${agent.name} with ${model} on ${upstream}: works, looks and ends`, async () => {
        await using seen = await play(agent, model, upstream, {});
        await judge(seen, upstream);
      });
    }
  }
  const foreign = PROTOCOLS.filter((upstream) => upstream !== agent.dialect);
  for (const upstream of agent.isSlow === true ? foreign.slice(0, 1) : foreign) {
    test(`${agent.name} on ${upstream}: a session that is resumed`, async () => {
      await using seen = await play(agent, agent.models[0]!, upstream, {});
      await judge(seen, upstream);
      await judgeResumed(seen, await seen.resume());
    });
    test(`${agent.name} on ${upstream}: the upstream's bytes cut at odd places`, async () => {
      await using seen = await play(agent, agent.models[0]!, upstream, { writeBytes: 7 });
      await judge(seen, upstream);
    });
    for (const [name, trouble] of Object.entries(troubles)) {
      test(`${agent.name} on ${upstream}: ${name} in between`, async () => {
        await using seen = await play(agent, agent.models[0]!, upstream, { trouble });
        assert.equal(seen.story.troubled.length, 1);
        if (agent.endsWithStream === true && trouble.kind !== "error") judgeShown(seen);
        else await judge(seen, upstream);
      });
    }
  }
}
