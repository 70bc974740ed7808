import type { Command } from "commander";
import { prefixLabel } from "../../accounts/index.ts";
import { readAllPages, type OperationAnswer, type OperationInput } from "../../server/index.ts";
import { print, shortTime, table } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

type Role = OperationInput<"users.create">["body"]["role"];
type User = OperationAnswer<"users.get">;
type ApiKey = OperationAnswer<"keys.revoke">;
type MarketScope = ApiKey["market"];

interface Output {
  readonly json?: boolean;
}
interface ListOutput extends Output {
  readonly ids?: boolean;
}

interface NewKeyOptions extends Output {
  readonly name?: string;
  readonly role?: Role;
  readonly expires?: string;
  readonly models?: string;
  readonly tag?: string[];
  readonly cache?: boolean;
  readonly market?: MarketScope;
}

const tagHelp = "a tag on every request, as in team:search; several by comma or by several --tag";

/** The values of several `--tag`. */
function collectTags(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").map((tag) => tag.trim())];
}

/** `user create|list|update|disable|enable` */
export function addUserCommands(program: Command, admin: WithAdmin): void {
  const user = program.command("user").description("users").helpCommand(false);
  user
    .command("create")
    .argument("<username>")
    .option("--email <email>")
    .option("--role <role>", "admin or user")
    .option("--tag <tags>", tagHelp, collectTags)
    .option("--json", "print JSON")
    .action(async (username: string, options: Output & { email?: string; role?: Role; tag?: string[] }) => {
      const { email, role, tag: tags } = options;
      const made = await admin((call) => call("users.create", { body: { username, email, role, tags } }));
      print(options.json === true, made, () => `${made.id}  ${made.username}\nNext: tokligence apikey create ${made.username}`);
    });
  user
    .command("list")
    .option("--ids", "with ids")
    .option("--json", "print JSON")
    .action(async ({ ids, json }: ListOutput) => {
      const users = await admin((call) => readAllPages((after) => call("users.list", { query: { after } })));
      print(json === true, users, () => userTable(users, ids === true));
    });
  user
    .command("update")
    .argument("<user>", "id or username")
    .description("change role, email or tags")
    .option("--email <email>", "none takes it away")
    .option("--role <role>", "admin or user")
    .option("--tag <tags>", `${tagHelp}; they replace those of before, none takes them away`, collectTags)
    .option("--json", "print JSON")
    .action(async (name: string, { json, email, role, tag }: Output & { email?: string; role?: Role; tag?: string[] }) => {
      if (email === undefined && role === undefined && tag === undefined) throw new Error("Give --email, --role or --tag.");
      const tags = tag?.length === 1 && tag[0] === "none" ? [] : tag;
      const body = { role, email: email === "none" ? null : email, tags };
      const changed = await admin((call) => call("users.update", { param: name, body }));
      print(json === true, changed, () => userTable([changed], false));
    });
  user
    .command("disable")
    .argument("<user>", "id or username")
    .description("refuse all keys of a user from now on; usage and budgets stay")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: Output) => {
      const changed = await admin((call) => call("users.disable", { param: name }));
      const undo = `\`tokligence user enable ${changed.username}\` undoes it.`;
      print(json === true, changed, () => `${changed.username} is disabled: all its keys are refused. ${undo}`);
    });
  user
    .command("enable")
    .argument("<user>", "id or username")
    .description("accept the keys of a disabled user again, but for revoked ones")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: Output) => {
      const changed = await admin((call) => call("users.enable", { param: name }));
      print(json === true, changed, () => `${changed.username} is enabled: its keys are accepted, but for revoked ones.`);
    });
}

/** `apikey create|list|update|revoke` */
export function addKeyCommands(program: Command, admin: WithAdmin): void {
  const apikey = program.command("apikey").description("API keys").helpCommand(false);
  apikey
    .command("create")
    .argument("<user>", "id or username")
    .option("--name <name>")
    .option("--role <role>", "admin or user; by default the user's own")
    .option("--expires <when>", "as in 30d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z; by default never")
    .option("--models <patterns>", "the models it may call, by comma, as in gpt-*,!gpt-5-pro; by default all")
    .option("--tag <tags>", tagHelp, collectTags)
    .option("--market <where>", "may its requests go to other gateways: off, peers or any; by default peers")
    .option("--cache", "answer equal requests from the response cache (response_cache in the configuration)")
    .option("--json", "print JSON")
    .action(async (owner: string, options: NewKeyOptions) => {
      const { name, role, expires, tag: tags, market } = options;
      const cache = options.cache === true ? "on" : undefined;
      const models = options.models?.split(",").map((pattern) => pattern.trim());
      const made = await admin((call) => call("keys.create", { body: { user: owner, name, role, expires, models, tags, cache, market } }));
      print(options.json === true, made, () => `${made.key}\nThis key (${made.id}) is shown once and stored nowhere.`);
    });
  apikey
    .command("list")
    .option("--user <user>", "id or username")
    .option("--ids", "with ids")
    .option("--json", "print JSON")
    .action(async ({ user, ids, json }: ListOutput & { user?: string }) => {
      const keys = await admin((call) => readAllPages((after) => call("keys.list", { query: { user, after } })));
      print(json === true, keys, () => keyTable(keys, ids === true));
    });
  apikey
    .command("update")
    .argument("<key>", "its id, or its prefix as in tok_ab12")
    .description("change where the requests of a key may go")
    .requiredOption("--market <where>", "off: nowhere; peers: to gateways you have joined; any: also to exchanges")
    .option("--json", "print JSON")
    .action(async (ref: string, { json, market }: Output & { market: MarketScope }) => {
      const changed = await admin((call) => call("keys.update", { param: ref, body: { market } }));
      print(json === true, changed, () => `Requests of ${labelOf(changed)} of ${changed.username} ${scopeText[changed.market]}.`);
    });
  apikey
    .command("revoke")
    .argument("<key>", "its id, or its prefix as in tok_ab12")
    .option("--json", "print JSON")
    .action(async (ref: string, { json }: Output) => {
      const revoked = await admin((call) => call("keys.revoke", { param: ref }));
      print(json === true, revoked, () => `${labelOf(revoked)} of ${revoked.username} is revoked.`);
    });
}

const scopeText: Readonly<Record<MarketScope, string>> = {
  off: "go to no other gateway",
  peers: "may go to gateways that you have joined",
  any: "may go to gateways that you have joined, and to exchanges",
};

function userTable(users: readonly User[], ids: boolean): string {
  if (users.length === 0) return "No users yet. Next: tokligence user create NAME";
  const hasTags = users.some((user) => user.tags.length > 0);
  return table(
    [...(ids ? ["ID"] : []), "USERNAME", "ROLE", "STATE", { title: "CREATED", optional: true }, "EMAIL", ...(hasTags ? ["TAGS"] : [])],
    users.map((user) => [
      ...(ids ? [user.id] : []),
      user.username,
      user.role,
      user.disabled_at === null ? "active" : `disabled ${shortTime(user.disabled_at)}`,
      shortTime(user.created_at ?? ""),
      user.email,
      ...(hasTags ? [user.tags.join(",")] : []),
    ]),
  );
}

function keyTable(keys: readonly ApiKey[], ids: boolean): string {
  if (keys.length === 0) return "No keys yet. Next: tokligence apikey create USER";
  const now = Date.now();
  const prefixes = new Map(keys.map((key) => [key.id, prefixLabel(key.prefix)]));
  const hasNames = keys.some((key) => key.name !== null);
  const hasModels = keys.some((key) => key.models !== null);
  const hasTags = keys.some((key) => key.tags.length > 0);
  const hasScopes = keys.some((key) => key.market !== "peers");
  const hasParents = keys.some((key) => key.parent_id !== null);
  return table(
    [
      ...(ids ? ["ID"] : []),
      "USER",
      "KEY",
      ...(hasNames ? ["NAME"] : []),
      "ROLE",
      "STATE",
      { title: "CREATED", optional: true },
      ...(hasModels ? ["MODELS"] : []),
      ...(hasTags ? ["TAGS"] : []),
      ...(hasScopes ? ["MARKET"] : []),
      ...(hasParents ? [{ title: "MADE WITH", optional: true } as const] : []),
    ],
    keys.map((key) => [
      ...(ids ? [key.id] : []),
      key.username,
      prefixLabel(key.prefix),
      ...(hasNames ? [key.name] : []),
      key.role,
      stateOf(key, now),
      shortTime(key.created_at),
      ...(hasModels ? [key.models?.join(",") ?? "all"] : []),
      ...(hasTags ? [key.tags.join(",")] : []),
      ...(hasScopes ? [key.market] : []),
      ...(hasParents ? [key.parent_id === null ? null : (prefixes.get(key.parent_id) ?? key.parent_id)] : []),
    ]),
  );
}

function labelOf({ prefix, name }: ApiKey): string {
  return name === null ? prefixLabel(prefix) : `${name} (${prefixLabel(prefix)})`;
}

function stateOf({ revoked_at: revoked, expires_at: expires }: ApiKey, nowMs: number): string {
  if (revoked !== null) return `revoked ${shortTime(revoked)}`;
  if (expires === null) return "active";
  return `${Date.parse(expires) <= nowMs ? "expired" : "until"} ${shortTime(expires)}`;
}
