import type { Command } from "commander";
import { prefixLabel, readAllPages } from "../../core/index.ts";
import type { OperationAnswer, OperationInput } from "../../server/index.ts";
import { addExamples, print, shortTime, table } from "./output.ts";
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
  addEraseCommand(user, admin);
}

function addEraseCommand(user: Command, admin: WithAdmin): void {
  const erase = user
    .command("erase")
    .argument("<user>", "id or username")
    .description("take name, email and tags from a user for ever, and revoke its keys; usage stays under the id")
    .option("--yes", "do it without asking")
    .option("--json", "print JSON")
    .action(async (name: string, { json, yes }: Output & { yes?: boolean }) => {
      const found = await admin((call) => call("users.get", { param: name }));
      if (yes !== true) {
        throw new Error(
          `Name, email and tags of ${found.username} would be gone for ever, and its keys revoked; usage stays under ${found.id}. To do it: tokligence user erase ${found.username} --yes`,
        );
      }
      // By the id, so that the audit trail does not take the name in.
      const erased = await admin((call) => call("users.erase", { param: found.id }));
      print(
        json === true,
        erased,
        () => `The user is erased: its usage stays under ${erased.id} (${erased.username}), its keys are revoked.`,
      );
    });
  addExamples(erase, ["tokligence user erase alice --yes"]);
}

/** `apikey create|list|update|disable|enable|rotate|revoke` */
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
  addKeyChanges(apikey, admin);
  apikey
    .command("revoke")
    .argument("<key>", "its id, or its prefix as in tok_ab12")
    .option("--json", "print JSON")
    .action(async (ref: string, { json }: Output) => {
      const revoked = await admin((call) => call("keys.revoke", { param: ref }));
      print(json === true, revoked, () => `${labelOf(revoked)} of ${revoked.username} is revoked.`);
    });
}

interface KeyChangeOptions extends Output {
  readonly name?: string;
  readonly expires?: string;
  readonly models?: string;
  readonly tag?: string[];
  readonly market?: MarketScope;
}

/** `apikey update|disable|enable|rotate` */
function addKeyChanges(apikey: Command, admin: WithAdmin): void {
  const keyHelp = "its id, or its prefix as in tok_ab12";
  const update = apikey
    .command("update")
    .argument("<key>", keyHelp)
    .description("change a key's name, expiry, models, tags, or where its requests may go; the rest stays")
    .option("--name <name>", "none takes it away")
    .option("--expires <when>", "as in 30d, 12h or 2027-01-31; none: never")
    .option("--models <patterns>", "by comma, as in gpt-*,!gpt-5-pro; all: every model")
    .option("--tag <tags>", `${tagHelp}; they replace those of before, none takes them away`, collectTags)
    .option("--market <where>", "off: nowhere; peers: to gateways you have joined; any: also to exchanges")
    .option("--json", "print JSON")
    .action(async (ref: string, { json, name, expires, models, tag, market }: KeyChangeOptions) => {
      const body = {
        market,
        name: name === "none" ? null : name,
        expires: expires === "none" ? null : expires,
        models: models === "all" ? null : models?.split(",").map((pattern) => pattern.trim()),
        tags: tag?.length === 1 && tag[0] === "none" ? [] : tag,
      };
      if (Object.values(body).every((value) => value === undefined))
        throw new Error("Give --name, --expires, --models, --tag or --market.");
      const changed = await admin((call) => call("keys.update", { param: ref, body }));
      print(json === true, changed, () =>
        market === undefined
          ? keyTable([changed], false)
          : `Requests of ${labelOf(changed)} of ${changed.username} ${scopeText[changed.market]}.`,
      );
    });
  addExamples(update, ["tokligence apikey update tok_ab12 --models 'gpt-*' --expires 90d"]);
  const disable = apikey
    .command("disable")
    .argument("<key>", keyHelp)
    .description("refuse a key until it is enabled again")
    .option("--json", "print JSON")
    .action(async (ref: string, { json }: Output) => {
      const changed = await admin((call) => call("keys.disable", { param: ref }));
      const undo = `\`tokligence apikey enable ${changed.prefix}\` undoes it.`;
      print(json === true, changed, () => `${labelOf(changed)} of ${changed.username} is disabled. ${undo}`);
    });
  addExamples(disable, ["tokligence apikey disable tok_ab12"]);
  const enable = apikey
    .command("enable")
    .argument("<key>", keyHelp)
    .description("accept a disabled key again")
    .option("--json", "print JSON")
    .action(async (ref: string, { json }: Output) => {
      const changed = await admin((call) => call("keys.enable", { param: ref }));
      print(json === true, changed, () => `${labelOf(changed)} of ${changed.username} is accepted again.`);
    });
  addExamples(enable, ["tokligence apikey enable tok_ab12"]);
  addRotateCommand(apikey, admin);
}

function addRotateCommand(apikey: Command, admin: WithAdmin): void {
  const rotate = apikey
    .command("rotate")
    .argument("<key>", "its id, or its prefix as in tok_ab12")
    .description("give a key a new text; its id, budgets, limits and usage stay")
    .option("--overlap <time>", "how long the former text is accepted, too, as in 24h or 7d; by default it ends at once")
    .option("--json", "print JSON")
    .action(async (ref: string, { json, overlap }: Output & { overlap?: string }) => {
      const made = await admin((call) => call("keys.rotate", { param: ref, body: { overlap } }));
      const former =
        made.previous_until === null
          ? "The former one is refused from now on."
          : `The former one is accepted until ${made.previous_until}.`;
      print(json === true, made, () => `${made.key}\nThis key (${made.id}) is shown once and stored nowhere. ${former}`);
    });
  addExamples(rotate, ["tokligence apikey rotate tok_ab12 --overlap 24h"]);
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

function stateOf({ revoked_at: revoked, expires_at: expires, disabled_at: disabled }: ApiKey, nowMs: number): string {
  if (revoked === null && disabled !== null) return `disabled ${shortTime(disabled)}`;
  if (revoked !== null) return `revoked ${shortTime(revoked)}`;
  if (expires === null) return "active";
  return `${Date.parse(expires) <= nowMs ? "expired" : "until"} ${shortTime(expires)}`;
}
