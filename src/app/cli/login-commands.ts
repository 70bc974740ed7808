import { spawn } from "node:child_process";
import type { Command } from "commander";
import { GatewayError, messageOf } from "../../core/index.ts";
import type { LoadedSettings } from "../config/index.ts";
import { addExamples, print } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly json?: boolean;
  readonly browser?: boolean;
  readonly device?: boolean;
}

const waitMs = 10 * 60_000;

/** `login`, `logout`, `whoami`: single sign-on for the command line. */
export function addLoginCommands(program: Command, admin: WithAdmin, load: () => Promise<LoadedSettings>): void {
  const url = (): string | undefined => program.opts<{ readonly url?: string }>().url;
  const login = program
    .command("login")
    .description("sign in at the gateway's identity provider, in a browser; the key is stored for you alone")
    .option("--no-browser", "print the address, and open nothing")
    .option("--device", "sign in with a browser on another machine, if the provider has that")
    .option("--json", "print JSON")
    .action(async ({ json, browser, device }: Options) => {
      const [{ logIn, logInByDevice }, { writeLogin, readLogin }, { readGatewayUrl }] = await Promise.all([
        import("./login.ts"),
        import("../login-file.ts"),
        import("../remote-admin.ts"),
      ]);
      const place = readGatewayUrl(url() ?? readLogin()?.url ?? (await ownUrl(await load())));
      const onReady = (address: string, confirmation: string): void => {
        process.stderr.write(
          `Open this address in a browser on this machine:\n\n  ${address}\n\nThe page shows the code ${confirmation}.\n`,
        );
        if (browser !== false) openBrowser(address);
      };
      const made =
        device === true ? await logInByDevice({ url: place, onReady: showDevice }) : await logIn({ url: place, onReady, waitMs });
      writeLogin(made);
      const { key: _, ...shown } = made;
      print(json === true, shown, () => `You are ${made.username} at ${made.url}. \`tokligence --url ${made.url} …\` acts for you.`);
    });
  addExamples(login, ["tokligence --url https://gateway.example.com login", "tokligence --url https://gateway.example.com login --device"]);
  addLogoutCommand(program);
  addWhoamiCommand(program, admin, url);
}

function showDevice(address: string, userCode: string): void {
  process.stderr.write(
    `Open this address in a browser, on any machine:\n\n  ${address}\n\nThe page asks for, or shows, the code ${userCode}. Give the code to nobody else: who signs in with it gives this machine a key.\n`,
  );
}

function addLogoutCommand(program: Command): void {
  program
    .command("logout")
    .description("revoke the key of a login, and remove it from this machine")
    .option("--json", "print JSON")
    .action(async ({ json }: Options) => {
      const { readLogin, removeLogin } = await import("../login-file.ts");
      const known = readLogin();
      if (known === undefined) throw new Error("Nobody has logged in on this machine.");
      const problem = await revoke(known.url, known.key, known.key_id);
      removeLogin();
      const isRevoked = problem === undefined;
      const text = isRevoked
        ? "and its key is revoked"
        : `but its key could not be revoked (${problem}): \`tokligence apikey revoke\` does it`;
      print(
        json === true,
        { url: known.url, username: known.username, revoked: isRevoked },
        () => `The login at ${known.url} is removed, ${text}.`,
      );
    });
}

function addWhoamiCommand(program: Command, admin: WithAdmin, url: () => string | undefined): void {
  program
    .command("whoami")
    .description("show who you are at the gateway, and with what")
    .option("--json", "print JSON")
    .action(async ({ json }: Options) => {
      const { readLogin } = await import("../login-file.ts");
      const known = url() === undefined ? readLogin() : undefined;
      const run = known === undefined ? admin : remoteAdmin(known);
      const who = await run((call) => call("session.get"));
      const place = url() ?? known?.url;
      print(json === true, who, () => {
        if (who.key_id === "") return "You are on the gateway's own machine: commands need no key, and may do everything.";
        return `${who.user.username} (${who.role}), with the key ${who.key_id}${place === undefined ? "" : ` at ${place}`}`;
      });
    });
}

function remoteAdmin(login: { readonly url: string; readonly key: string }): WithAdmin {
  return async (run) => {
    const { openRemoteAdmin } = await import("../remote-admin.ts");
    return await run(openRemoteAdmin(login).call);
  };
}

/** @returns why it was not revoked. A key that is refused already needs nothing. */
async function revoke(url: string, key: string, id: string): Promise<string | undefined> {
  const { openRemoteAdmin } = await import("../remote-admin.ts");
  try {
    await openRemoteAdmin({ url, key }).call("me.keys.revoke", { param: id });
    return undefined;
  } catch (error) {
    return error instanceof GatewayError && error.status === 401 ? undefined : messageOf(error);
  }
}

/** Of the gateway of this machine: one that runs may have another port than the configuration says. */
async function ownUrl({ settings: { auth, database, gateway } }: LoadedSettings): Promise<string> {
  if (auth.oidc !== undefined) return auth.oidc.publicUrl;
  const [{ readDaemonStatus }, { runtimePaths }] = await Promise.all([import("../daemon/start-background.ts"), import("../paths.ts")]);
  const status = await readDaemonStatus(runtimePaths(database.path)).catch(() => undefined);
  return `http://127.0.0.1:${status?.port ?? gateway.port}`;
}

/** The address is in the terminal, too: that no browser opens is no error. */
function openBrowser(address: string): void {
  const [program, ...before] = browserCommand();
  const child = spawn(program, [...before, address], { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}

function browserCommand(): readonly [string, ...string[]] {
  if (process.platform === "darwin") return ["open"];
  // Without a shell, so that `&` in the address is not its own.
  return process.platform === "win32" ? ["rundll32", "url.dll,FileProtocolHandler"] : ["xdg-open"];
}
