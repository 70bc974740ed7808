import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../../core/index.ts";
import { Classifier, type ClassifierAnswer } from "./classifier.ts";
import type { ClassifierSettings } from "./classifier-section.ts";
import type { JudgedContext } from "./judgement.ts";

const context: JudgedContext = { requestId: "req_1", direction: "request", user: "ada", model: "m" };

interface Server {
  readonly classifier: Classifier;
  /** The texts of each call. */
  readonly calls: (readonly string[])[];
  /** Lets the deadline pass. */
  pass(): void;
}

/** A classifier that finds `x` in texts; `answer` replaces its answer. */
function classifierOf(
  more: Partial<ClassifierSettings> = {},
  answer?: (texts: readonly string[], signal: AbortSignal) => Promise<ClassifierAnswer>,
): Server {
  const calls: (readonly string[])[] = [];
  let pass = (): void => undefined;
  const settings: ClassifierSettings = {
    name: "c",
    kind: "webhook",
    url: new Secret("http://127.0.0.1:1/"),
    apiKey: undefined,
    model: "guard",
    language: "en",
    categories: [],
    minScore: 0,
    deadlineMs: 1000,
    isOpenOnError: false,
    holdsStreams: true,
    concurrency: 2,
    maxLength: 20,
    remembers: true,
    ...more,
  };
  const classifier = new Classifier(settings, {
    schedule(_, callback) {
      pass = callback;
      return () => undefined;
    },
    post(_, body, signal) {
      const { texts = [], messages = [] } = JSON.parse(body) as { texts?: string[]; messages?: { content: string }[] };
      const given = [...texts, ...messages.map(({ content }) => content)];
      calls.push(given);
      if (answer !== undefined) return answer(given, signal);
      const results = given.map((text) => ({
        spans: [...text.matchAll(/x+/g)].map(({ 0: x, index }) => ({ start: index, end: index + x.length, type: "x" })),
      }));
      const content = given.some((text) => text.includes("x")) ? "unsafe\nS1" : "safe";
      return Promise.resolve({ status: 200, value: { results, choices: [{ message: { content } }] } });
    },
  });
  return { classifier, calls, pass: () => pass() };
}

const placesOf = async ({ classifier }: Server, texts: readonly string[]): Promise<unknown> =>
  (await classifier.judge(texts, context)).texts.map(({ places }) => places.map(({ start, end }) => [start, end]));

test("texts go in calls of a bounded size, and what is known is not sent again", async () => {
  const server = classifierOf();
  assert.deepEqual(await placesOf(server, ["ax", "b", "c".repeat(19), "d"]), [[[1, 2]], [], [], []]);
  assert.deepEqual(server.calls, [
    ["ax", "b"],
    ["c".repeat(19), "d"],
  ]);
  assert.deepEqual(await placesOf(server, ["ax", "b", "e"]), [[[1, 2]], [], []]);
  assert.deepEqual(server.calls.slice(2), [["e"]]);
  const forgetful = classifierOf({ remembers: false });
  for (let time = 0; time < 2; time++) await placesOf(forgetful, ["ax"]);
  assert.deepEqual(forgetful.calls, [["ax"], ["ax"]]);
});

test("a long text is sent in parts that overlap, and each place is found once and whole", async () => {
  const text = "aaaa bbbb cccc xxxxx dddd eeee x ffff gggg hhhh xx";
  const server = classifierOf();
  assert.deepEqual(await placesOf(server, [text]), [[...text.matchAll(/x+/g)].map(({ 0: x, index }) => [index, index + x.length])]);
  assert.ok(
    server.calls.flat().every((part) => part.length <= 20 && text.includes(part)),
    JSON.stringify(server.calls),
  );
  const emoji = "😀".repeat(30);
  await placesOf(server, [emoji]);
  assert.ok(server.calls.flat().every((part) => part.isWellFormed()));
});

test("a guard model gets texts as one conversation, of which only what is new is sent", async () => {
  const server = classifierOf({ kind: "guard_model" });
  const texts = ["aaaa aaaa", "bbbb", "cccc cccc cccc"];
  assert.deepEqual(await server.classifier.judge(texts, context), { texts: [], categories: [] });
  assert.deepEqual((await server.classifier.judge([...texts, "x"], context)).categories, ["s1"]);
  assert.deepEqual(server.calls, [["aaaa aaaa\n\nbbbb"], ["cccc cccc cccc"], ["cccc cccc cccc\n\nx"]]);
});

test("there are never more calls at a time than allowed", async () => {
  let open = 0;
  let most = 0;
  const server = classifierOf({ concurrency: 2, maxLength: 4 }, async (texts) => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setImmediate(resolve));
    open--;
    return { status: 200, value: { results: texts.map(() => ({})) } };
  });
  const texts = ["aaaa", "bbbb", "cccc", "dddd", "eeee"];
  await Promise.all([
    placesOf(server, texts),
    placesOf(
      server,
      texts.map((text) => text.toUpperCase()),
    ),
  ]);
  assert.deepEqual([most, server.calls.length], [2, 10]);
});

test("a failure of any kind is one error that says what was wrong", async () => {
  const answers: Readonly<Record<string, () => Promise<ClassifierAnswer>>> = {
    "answered 500": () => Promise.resolve({ status: 500, value: undefined }),
    "answered something of another form": () => Promise.resolve({ status: 200, value: { results: [{ spans: "none" }] } }),
    "answered for 0 of 1 texts": () => Promise.resolve({ status: 200, value: { results: [] } }),
    "could not be asked (no route)": () => Promise.reject(new Error("no route")),
  };
  for (const [message, answer] of Object.entries(answers)) {
    await assert.rejects(placesOf(classifierOf({}, answer), ["a"]), { name: "ClassifierError", message });
  }
  const many = Array.from({ length: 65 }, (_, at) => `text ${at} of twenty..`.padEnd(20, "."));
  await assert.rejects(placesOf(classifierOf(), many), { message: "would need 65 calls for so much text (at most 64)" });
});

test("the deadline ends calls that are under way and those that wait, and frees their places", async () => {
  const signals: AbortSignal[] = [];
  let isSlow = true;
  const server = classifierOf({ concurrency: 1, maxLength: 4 }, (texts, signal) => {
    signals.push(signal);
    if (!isSlow) return Promise.resolve({ status: 200, value: { results: texts.map(() => ({})) } });
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("ended"))));
  });
  const judged = assert.rejects(placesOf(server, ["aaaa", "bbbb"]), { message: "did not answer within 1000 ms" });
  await new Promise((resolve) => setImmediate(resolve));
  server.pass();
  await judged;
  assert.deepEqual([signals.length, signals[0]!.aborted], [1, true]);
  isSlow = false;
  assert.deepEqual(await placesOf(server, ["cccc"]), [[]]);
});
