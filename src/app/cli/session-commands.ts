import type { Command } from "commander";
import { readAllPages } from "../../core/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import { addExamples, print, shortTime, table } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

type Session = OperationAnswer<"sessions.end">;

interface Output {
  readonly json?: boolean;
}

/** `session list|end` */
export function addSessionCommands(program: Command, admin: WithAdmin): void {
  const session = program.command("session").description("browsers that have signed in").helpCommand(false);
  session
    .command("list")
    .option("--user <user>", "id or username")
    .option("--json", "print JSON")
    .action(async ({ user, json }: Output & { readonly user?: string }) => {
      const sessions = await admin((call) => readAllPages((after) => call("sessions.list", { query: { user, after } })));
      print(json === true, sessions, () => sessionTable(sessions));
    });
  const end = session
    .command("end")
    .argument("<session>", "its id")
    .description("sign a browser out")
    .option("--json", "print JSON")
    .action(async (id: string, { json }: Output) => {
      const ended = await admin((call) => call("sessions.end", { param: id }));
      print(json === true, ended, () => `The session of ${ended.username} is ended. Its browser has to sign in again.`);
    });
  addExamples(end, ["tokligence session end ses_019a8f7c-1c2d-7000-8a3b-5d2f0c9e7a41"]);
}

function sessionTable(sessions: readonly Session[]): string {
  if (sessions.length === 0) return "No browser is signed in.";
  return table(
    ["SESSION", "USER", "METHOD", "USED", { title: "ENDS", optional: true }, "ADDRESS", { title: "BROWSER", optional: true }],
    sessions.map((session) => [
      session.id,
      session.username,
      session.method,
      shortTime(session.used_at),
      shortTime(session.ends_at),
      session.address,
      session.client,
    ]),
  );
}
