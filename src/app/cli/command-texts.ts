import type { Command } from "commander";
import { addExamples } from "./output.ts";

interface CommandText {
  /** If the command has none of its own. */
  readonly description?: string;
  /** Without the program's name. */
  readonly examples: readonly string[];
}

/** Examples, which each command's help, man page and page of the documentation end with, of commands that have none in their own file. */
const texts: Readonly<Record<string, CommandText>> = {
  init: { examples: ["init", "--config ./gateway.yaml init"] },
  "user create": { description: "make a user", examples: ["user create alice --email alice@example.com", "user create root --role admin"] },
  "user list": { description: "list users", examples: ["user list", "user list --json"] },
  "user update": { examples: ["user update alice --role admin", "user update alice --tag team:search"] },
  "user disable": { examples: ["user disable alice"] },
  "user enable": { examples: ["user enable alice"] },
  "apikey create": {
    description: "make a key for a user; it is shown once",
    examples: [
      "apikey create alice --name laptop",
      "apikey create alice --models 'gpt-*' --expires 30d",
      "apikey create admin --role admin",
    ],
  },
  "apikey list": { description: "list keys, without their texts", examples: ["apikey list", "apikey list --user alice"] },
  "apikey revoke": { description: "refuse a key for ever", examples: ["apikey revoke tok_ab12"] },
  "session list": { description: "list the sessions of browsers", examples: ["session list", "session list --user alice"] },
  "budget set": {
    description: "say what a user, key, tag, model or provider may cost",
    examples: ["budget set alice --stop 20", "budget set tag:team:search --period day --warn 5 --stop 10"],
  },
  "budget list": { description: "list budgets with what is spent", examples: ["budget list", "budget list alice"] },
  "budget show": { description: "show all of the budgets of one subject", examples: ["budget show alice"] },
  "budget remove": { description: "remove budgets of a subject", examples: ["budget remove alice --period day"] },
  "limit set": {
    description: "limit requests and tokens",
    examples: ["limit set alice --rpm 60 --tpm 100000", "limit set model:gpt-5 --concurrent 4"],
  },
  "limit list": { description: "list limits", examples: ["limit list", "limit list alice"] },
  "limit remove": { description: "remove all limits of a subject", examples: ["limit remove alice"] },
  "ledger status": { examples: ["ledger status"] },
  "ledger reprice": { examples: ["ledger reprice --from 7d --dry-run", "ledger reprice --from 2026-01-01 --to 2026-02-01"] },
  "audit list": { examples: ["audit list", "audit list --limit 20 --json"] },
  "audit verify": { examples: ["audit verify", "audit verify audit.jsonl --key PUBLIC_KEY"] },
  "audit prove": { examples: ["audit prove req_019b7ca9-9ae6-7000-8000-000000000000 > proof.json"] },
  "audit export": { examples: ["audit export > audit.jsonl"] },
  prices: { examples: ["prices", "prices gpt-5.1 --explain", "prices gpt-5.1 --as-of 2026-01-31"] },
  "prices check": { examples: ["prices check"] },
  models: { examples: ["models", "models gpt-5.1 --history"] },
  "alerts test": { examples: ["alerts test"] },
  "market share": { examples: ["market share qwen3 --input 0.2 --output 0.6 --licence apache-2.0"] },
  "market sell": { examples: ["market sell qwen3 --rule margin --share 20%", "market sell qwen3 --hours 20:00-07:00"] },
  "market arbitrage": { examples: ["market arbitrage", "market arbitrage qwen3 on --min-saving 15%"] },
  "market unshare": { examples: ["market unshare qwen3"] },
  "market invite": { examples: ["market invite --limit 5"] },
  "market pause": { examples: ["market pause"] },
  "market resume": { examples: ["market resume"] },
  "market join": { examples: ["market join tkm1_… --name bob"] },
  "market offers": { examples: ["market offers"] },
  "market trades": { examples: ["market trades --limit 20"] },
  "market statement": { examples: ["market statement", "market statement bob --verify"] },
  "market status": { examples: ["market status"] },
  "market peer limit": { examples: ["market peer limit bob 10"] },
  "market peer credit": { examples: ["market peer credit bob 5"] },
  "market peer block": { examples: ["market peer block bob"] },
  "market peer unblock": { examples: ["market peer unblock bob"] },
  "market relay use": { examples: ["market relay use plaza"] },
  "market relay drop": { examples: ["market relay drop plaza"] },
  "market leave": { examples: ["market leave bob"] },
  "market buy policy": { examples: ["market buy policy", "market buy policy qwen3 cheaper --max-price 1"] },
  "market explain": { examples: ["market explain qwen3"] },
  "exchange start": { examples: ["exchange start"] },
  "exchange invite": { examples: ["exchange invite --limit 50"] },
  "exchange members": { examples: ["exchange members"] },
  "exchange limit": { examples: ["exchange limit bob 50"] },
  "exchange credit": { examples: ["exchange credit bob 20 --reason 'invoice 7 is paid'"] },
  "exchange block": { examples: ["exchange block bob"] },
  "exchange unblock": { examples: ["exchange unblock bob"] },
  "exchange check": { examples: ["exchange check"] },
  "exchange disputes": { examples: ["exchange disputes"] },
  "exchange report": { examples: ["exchange report --csv > report.csv"] },
  "db status": { examples: ["db status"] },
  "db migrate": { examples: ["db migrate"] },
  "db copy": { examples: ["db copy --to postgres://tokligence@db.example.com/tokligence"] },
  "import litellm": {
    examples: ["import litellm config.yaml", "import litellm config.yaml --database postgres://litellm@localhost/litellm --apply"],
  },
  "import tokligence-go": { examples: ["import tokligence-go ~/.tokligence --apply"] },
  "import openrouter-usage": { examples: ["import openrouter-usage activity.csv"] },
  usage: {
    examples: [
      "usage",
      "usage --user alice --by model --from 7d",
      "usage --entries --status error",
      "usage --from 2026-01-01 --csv > usage.csv",
    ],
  },
  "firewall test": { examples: ["firewall test 'my key is sk-0123456789'", "firewall test prompt.txt"] },
  reconcile: { examples: ["reconcile --provider openai --file costs.csv"] },
  logs: { examples: ["logs -n 100", "logs -f --level warn", "logs --request req_019b7ca9-9ae6-7000-8000-000000000000"] },
  start: { examples: ["start", "start --port 9000 --background"] },
  stop: { examples: ["stop"] },
  restart: { examples: ["restart"] },
  status: { examples: ["status", "status --watch"] },
  "route explain": {
    description: "say which provider a model goes to, and why",
    examples: ["route explain gpt-5.1", "route explain gpt-5.1 --dialect anthropic-messages"],
  },
  logout: { examples: ["logout"] },
  whoami: { examples: ["whoami", "--url https://gateway.example.com whoami"] },
  chat: { examples: ["chat", "chat 'Which models can I use?' --read-only"] },
  version: { description: "print the version", examples: ["version", "version --json"] },
};

/** The same of `tokligence-daemon`. */
const daemonTexts: Readonly<Record<string, CommandText>> = {
  start: { examples: ["start", "--config ./gateway.yaml start --port 9000"] },
  stop: { examples: ["stop"] },
  restart: { examples: ["restart", "restart --port 9000"] },
  status: { examples: ["status", "status --json"] },
  install: { examples: ["install", "install --print"] },
  uninstall: { examples: ["uninstall"] },
};

/** Gives each command of a program the description and the examples that it lacks. */
export function addCommandTexts(program: Command): void {
  const own = program.name() === "tokligence" ? texts : daemonTexts;
  const visit = (command: Command, path: string): void => {
    const text = own[path];
    if (text !== undefined) {
      if (command.description() === "" && text.description !== undefined) command.description(text.description);
      addExamples(
        command,
        text.examples.map((example) => `${program.name()} ${example}`),
      );
    }
    for (const below of command.commands) visit(below, path === "" ? below.name() : `${path} ${below.name()}`);
  };
  visit(program, "");
}
