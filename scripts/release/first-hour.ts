import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import OpenAI from "openai";

/*
 * From an empty folder to a user's usage, with nothing but what a carrier needs: Node 20, Python 3.9, or the executable alone. `npm run release` does it for
 * each, and the README shows the lines and the times.
 */

const commandMs = 900_000;
const sdk = { npm: "openai@7.57.0", pip: "openai" } as const;

/** One way in which the gateway comes to a machine. */
export interface Carrier {
  readonly title: string;
  /** What a person types. */
  readonly lines: readonly string[];
  /** Installs it into a folder that is empty. @returns what its user can do there. */
  readonly install: (folder: string) => Installed;
}

interface Installed {
  /** Runs `tokligence ARGS`. @returns what it prints. */
  readonly tokligence: (...args: readonly string[]) => string;
  /** Asks the model `loopback` with an official SDK. @returns its answer. */
  readonly ask: (url: string, key: string) => Promise<string> | string;
}

/** In seconds, each from the step before. */
export interface FirstHour {
  readonly title: string;
  readonly lines: readonly string[];
  readonly install_s: number;
  readonly first_answer_s: number;
  readonly user_and_usage_s: number;
}

const question = "Hello";

/** @throws Error if a step does not do what it must. */
export async function measureFirstHour({ title, lines, install }: Carrier): Promise<FirstHour> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-release-"));
  try {
    const watch = startWatch();
    const { tokligence, ask } = install(folder);
    const install_s = watch();
    const { url, api_key: key } = JSON.parse(tokligence("start", "--background", "--port", "0", "--json")) as {
      url: string;
      api_key: string;
    };
    try {
      expect(title, "the first answer", (await ask(url, key)).trim(), question);
      const first_answer_s = watch();
      tokligence("user", "create", "alice", "--json");
      const { key: own } = JSON.parse(tokligence("apikey", "create", "alice", "--json")) as { key: string };
      expect(title, "alice's answer", (await ask(url, own)).trim(), question);
      const usage = (): number =>
        (JSON.parse(tokligence("usage", "--user", "alice", "--json")) as { totals: { requests: number } }).totals.requests;
      expect(title, "alice's usage", usage() || usage(), 1);
      return { title, lines, install_s, first_answer_s, user_and_usage_s: watch() };
    } finally {
      tokligence("stop");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function expect(title: string, what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${title}: ${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}.`);
}

/** @returns the seconds since it was called before. */
function startWatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = Math.round((now - last) / 100) / 10;
    last = now;
    return seconds;
  };
}

/** The machine's own folders, without those that npm put before them. */
const ownPath = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): string {
  return execFileSync(program, args, { env, cwd, encoding: "utf8", timeout: commandMs, stdio: ["ignore", "pipe", "inherit"] });
}

/**
 * How this machine reaches its registries: npm looks for its settings beside the program of Node, and in the home folder, which are other ones here.
 */
function waysOut(): NodeJS.ProcessEnv {
  const ownConfig = (name: string): string => run("npm", ["config", "get", name], process.env, tmpdir()).trim();
  const own = Object.entries(process.env).filter(([name]) => /^(?:https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i.test(name));
  return { ...Object.fromEntries(own), npm_config_globalconfig: ownConfig("globalconfig"), npm_config_userconfig: ownConfig("userconfig") };
}

/** @param archives of `tokligence` and of this platform. */
export function npmCarrier(archives: readonly string[], nodeFolder: string): Carrier {
  return {
    title: "npm, with Node 20",
    lines: ["npm install tokligence openai", "npx tokligence start --background"],
    install(folder) {
      const env = { PATH: [nodeFolder, ...ownPath].join(delimiter), HOME: folder };
      writeFileSync(join(folder, "package.json"), '{"type":"module"}');
      writeFileSync(
        join(folder, "ask.js"),
        `import OpenAI from "openai";
const [url, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url + "/v1", apiKey });
const answer = await client.chat.completions.create({ model: "loopback", messages: [{ role: "user", content: "${question}" }] });
console.log(answer.choices[0].message.content);\n`,
      );
      // The packages of other platforms are not in a registry yet.
      const options = ["install", "--no-audit", "--no-fund", "--silent", "--omit=optional"];
      run("npm", [...options, ...archives, sdk.npm], { ...env, ...waysOut() }, folder);
      return {
        tokligence: (...args) => run("npx", ["--no-install", "tokligence", ...args], env, folder),
        ask: (url, key) => run("node", ["ask.js", url, key], env, folder),
      };
    },
  };
}

/** The folder of Node 20, from the registry, for PATH. */
export function fetchOldNode(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const name = `node-${process.platform}-${process.arch}`;
  writeFileSync(join(folder, "package.json"), "{}");
  run("npm", ["install", "--no-audit", "--no-fund", "--silent", `${name}@20`], process.env, folder);
  return join(folder, "node_modules", name, "bin");
}

/** `undefined`: this machine has no Python 3.9. */
export function findOldPython(): string | undefined {
  const candidates = [...globSync(join(homedir(), ".pyenv/versions/3.9.*/bin/python")), "python3.9"];
  return candidates.find((each) => spawnSync(each, ["--version"]).status === 0);
}

/** @param file a wheel or an sdist. */
export function pipCarrier(file: string, python: string): Carrier {
  return {
    title: `pip, with Python 3.9 (${file.endsWith(".whl") ? "wheel" : "sdist"})`,
    lines: ["pip install tokligence openai", "tokligence start --background"],
    install(folder) {
      const bin = join(folder, "venv", "bin");
      const env = { PATH: [bin, "/usr/bin", "/bin"].join(delimiter), HOME: folder };
      run(python, ["-m", "venv", join(folder, "venv")], env, folder);
      run(join(bin, "pip"), ["install", "--quiet", "--disable-pip-version-check", file, sdk.pip], { ...process.env, HOME: folder }, folder);
      writeFileSync(
        join(folder, "ask.py"),
        `import sys, openai
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2])
answer = client.chat.completions.create(model="loopback", messages=[{"role": "user", "content": "${question}"}])
print(answer.choices[0].message.content)\n`,
      );
      return {
        tokligence: (...args) => run(join(bin, "tokligence"), args, env, folder),
        ask: (url, key) => run(join(bin, "python"), ["ask.py", url, key], env, folder),
      };
    },
  };
}

/** Nothing is in PATH; the SDK is that of the machine that calls. */
export function executableCarrier(file: string): Carrier {
  if (!existsSync(file)) throw new Error(`There is no ${file}.`);
  return {
    title: "the executable alone",
    lines: ["chmod +x tokligence-linux-x64 && mv tokligence-linux-x64 tokligence", "./tokligence start --background"],
    install(folder) {
      symlinkSync(file, join(folder, "tokligence"));
      return {
        tokligence: (...args) => run(join(folder, "tokligence"), args, { HOME: folder }, folder),
        async ask(url, key) {
          const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
          const answer = await client.chat.completions.create({ model: "loopback", messages: [{ role: "user", content: question }] });
          return answer.choices[0]?.message.content ?? "";
        },
      };
    },
  };
}
