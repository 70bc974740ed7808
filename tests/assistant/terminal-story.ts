import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { providerKeys, withMockUpstream } from "../e2e/harness.ts";
import { createHome } from "../process/processes.ts";
import { builtProgram } from "../testbed/built-program.ts";
import type { JsonObject } from "../testbed/json.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { keys, pasted, startInTerminal, type TerminalProgram } from "../testbed/terminal-program.ts";
import { calls, says, sentTexts } from "./world.ts";

/** A conversation in a terminal, and the stand-in for its model. */
export interface ChatInTerminal {
  readonly chat: TerminalProgram;
  readonly mock: MockUpstream;
  readonly folder: string;
  /** Asks a question, and waits until the screen has the answer. */
  ask(question: string, answer: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts `tgw chat` without a gateway, in a home of its own; `more`: of the environment. */
export async function openChat(columns: number, more: Readonly<Record<string, string>> = {}): Promise<ChatInTerminal> {
  const [mock, home, program] = [await createMockUpstream({ validate: false }), await createHome(), await builtProgram()];
  await home.writeConfig(withMockUpstream(mock.url));
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.folder, XDG_CONFIG_HOME: join(home.folder, "config"), ...program.env, ...more };
  const command = [process.execPath, program.tokligence, "chat", "--model", "claude-mock"];
  const chat = startInTerminal({ command, columns, env, folder: home.folder });
  const close = async (): Promise<void> => {
    chat.kill();
    await chat.ended;
    await mock.close();
    await home.clear();
  };
  try {
    await chat.shows("\n>");
  } catch (error) {
    await close();
    throw error;
  }
  return {
    chat,
    mock,
    folder: home.folder,
    async ask(question, answer) {
      mock.enqueue(says(answer));
      chat.type(`${question}${keys.enter}`);
      await chat.shows(answer);
    },
    close,
  };
}

/** All that a conversation in a terminal must be able to do, from its first screen to its end. */
export async function playStory(columns: number, more: Readonly<Record<string, string>> = {}): Promise<TerminalProgram> {
  const opened = await openChat(columns, more);
  try {
    await playAnswers(opened);
    await playCommands(opened);
    await playChanges(opened);
    opened.chat.type(`/exit${keys.enter}`);
    assert.equal(await opened.chat.ended, 0);
    const seen = [opened.chat.written(), ...sentTexts(opened.mock)].join("\n");
    for (const secret of Object.values(providerKeys)) assert.ok(!seen.includes(secret), secret);
    return opened.chat;
  } finally {
    await opened.close();
  }
}

/** The last question that reached the model. */
function lastQuestion(mock: MockUpstream): unknown {
  const { messages } = JSON.parse(mock.requests.at(-1)!.body.toString()) as {
    readonly messages: readonly { readonly role: string; readonly content: string | readonly { readonly text: string }[] }[];
  };
  const content = messages.findLast(({ role }) => role === "user")?.content;
  return typeof content === "string" ? content : content?.[0]?.text;
}

async function playAnswers({ chat, mock, ask }: ChatInTerminal): Promise<void> {
  // It streams: the first line is there before the model goes on. A question of two lines is one.
  const more = Promise.withResolvers<void>();
  mock.enqueue({ text: ["First line.\n", "Second", " line."], trouble: { kind: "hang", afterPieces: 1, until: more.promise } });
  chat.type(`one\\${keys.enter}`);
  await chat.shows("\n…");
  chat.type(`two${keys.enter}`);
  await chat.shows("First line.");
  assert.ok(!chat.screen.text.includes("Second"));
  more.resolve();
  await chat.shows("Second line.");
  assert.equal(lastQuestion(mock), "one\ntwo");
  // Lines that are pasted belong together, too.
  await ask(pasted("three\rfour"), "Pasted.");
  assert.equal(lastQuestion(mock), "three\nfour");
  await ask(keys.up, "Once more.");
  assert.equal(lastQuestion(mock), "four");
  // Ctrl-C stops an answer; the conversation goes on, and what was typed meanwhile is not lost.
  mock.enqueue({ text: ["It begins.\n", "It never ends."], trouble: { kind: "hang", afterPieces: 1 } });
  chat.type(`stop this${keys.enter}`);
  await chat.shows("It begins.");
  chat.type(keys.ctrlC);
  await chat.shows("Stopped.");
  await ask("what now", "Now this.");
  assert.ok(!chat.screen.text.includes("It never ends."));
}

async function playCommands({ chat, mock, folder, ask }: ChatInTerminal): Promise<void> {
  const command = async (line: string, shown: string): Promise<void> => {
    chat.type(`${line}${keys.enter}`);
    await chat.shows(shown);
  };
  await command("/help", "/exit            ends (also Ctrl-D)");
  await command("/tools", "users_create");
  await command("/model", "Model: claude-mock");
  await command("/nothing", "There is no /nothing.");
  const answer = "It is **bold**.\nThe end.";
  mock.enqueue(says(answer));
  chat.type(`be bold${keys.enter}`);
  await chat.shows("The end.");
  assert.equal(chat.screen.text.includes("It is bold."), chat.written().includes("\u001b[1mbold\u001b[0m"));
  await command("/copy", "Copied ");
  assert.deepEqual(chat.screen.commands, [`52;c;${Buffer.from(answer).toString("base64")}`]);
  // A key that is typed is on the user's own screen alone, and the arrow keys have a placeholder for it.
  const key = "sk-proj-typed0123456789abcdef";
  await ask(`take ${key}`, "Taken.");
  chat.type(keys.up);
  await chat.endsLike(/> take \{\{secret_1\}\}$/);
  await ask("", "Taken again.");
  await command("/save said.md", "Wrote said.md.");
  const saved = await readFile(join(folder, "said.md"), "utf8");
  assert.deepEqual([saved.includes(key), sentTexts(mock).some((text) => text.includes(key))], [false, false]);
  assert.match(saved, /^## Question\n\none\ntwo\n\n## Answer\n\nFirst line\.\nSecond line\.\n/);
  await command("/model org/local-model", "Model: org/local-model");
  await command("/model claude-mock", "directly");
  await command("/clear", "A new conversation begins.");
  await ask("alone", "Alone it is.");
  assert.equal((JSON.parse(mock.requests.at(-1)!.body.toString()) as { messages: unknown[] }).messages.length, 1);
}

async function playChanges({ chat, mock }: ChatInTerminal): Promise<void> {
  const change = async (name: string, input: JsonObject, question: string, shown: string): Promise<void> => {
    mock.enqueue(calls([name, input]), says(`After ${question}.`));
    chat.type(`${question}${keys.enter}`);
    // It may be broken into two lines. The prompt is the last one: earlier ones have their answers behind them.
    await chat.endsLike(new RegExp(`${RegExp.escape(shown).replaceAll("\\x20", "\\s+")}\\nMake this change\\? \\[y/N\\]$`));
  };
  await change("users_create", { username: "bob" }, "make bob", "username             bob");
  chat.type(`y${keys.enter}`);
  await chat.shows("After make bob.");
  await change("limits_set", { subject: "bob", requests_per_minute: 7 }, "slow bob down", "");
  chat.type(`y${keys.enter}`);
  await chat.shows("After slow bob down.");
  chat.type(`/undo${keys.enter}`);
  await chat.shows("> /undo\nbob has no limits again.\n\n>");
  await change("users_create", { username: "carol" }, "make carol", "Agree only if you want this change.");
  chat.type(keys.ctrlC);
  await chat.endsLike(/\[y\/N\]\nStopped\.\n\n>$/);
}
