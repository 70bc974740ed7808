import assert from "node:assert/strict";
import { test } from "node:test";
import { createLaunchdPlist, renderPlist } from "./launchd-plist.ts";
import { serviceFacts } from "./testing.ts";

/** The values of a property list (Apple's PropertyList-1.0.dtd): it must have no other elements. */
function parsePlist(text: string): unknown {
  const tokens = [...text.matchAll(/<([a-z]+)\/>|<(key|string|integer)>([^<]*)<\/\2>|<(\/?)(array|dict)>/g)];
  const rest = tokens.reduce((left, [token]) => left.replace(token, ""), text.replace(/^<\?xml .*\?>\n<!DOCTYPE plist .*>\n/, ""));
  assert.match(rest, /^<plist version="1.0">\s*<\/plist>\n$/);
  const unescape = (value: string): string =>
    value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
  let at = 0;
  const read = (): unknown => {
    const [, empty, kind, value = "", , container] = tokens[at++]!;
    if (empty !== undefined) return empty === "true";
    if (kind === "integer") return Number(value);
    if (kind !== undefined) return unescape(value);
    const items: unknown[] = [];
    while (tokens[at]![4] !== "/") items.push(read());
    at++;
    if (container === "array") return items;
    return Object.fromEntries(items.flatMap((key, index) => (index % 2 === 0 ? [[key, items[index + 1]]] : [])));
  };
  return read();
}

test("a service of launchd runs the command, is started again if it fails, and prints where only its user reads", () => {
  assert.deepEqual(parsePlist(renderPlist(serviceFacts)), {
    Label: "ai.tokligence.gateway",
    ProgramArguments: serviceFacts.command,
    UserName: "tokligence",
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: 60,
    Umask: 63,
    SoftResourceLimits: { NumberOfFiles: 65_536 },
    HardResourceLimits: { NumberOfFiles: 65_536 },
    StandardOutPath: "/var/lib/tokligence/gateway.out",
    StandardErrorPath: "/var/lib/tokligence/gateway.out",
  });
});

test("a user's agent and a daemon of the machine have the places and domains of launchctl", () => {
  const user = { home: "/Users/alice", uid: 501 };
  const daemon = createLaunchdPlist(serviceFacts, user);
  const agent = createLaunchdPlist({ ...serviceFacts, scope: "user", user: undefined }, user);
  assert.deepEqual(
    [daemon, agent].map(({ path, start, stop }) => [path, start, stop]),
    [
      [
        "/Library/LaunchDaemons/ai.tokligence.gateway.plist",
        [["launchctl", "bootstrap", "system", "/Library/LaunchDaemons/ai.tokligence.gateway.plist"]],
        [["launchctl", "bootout", "system/ai.tokligence.gateway"]],
      ],
      [
        "/Users/alice/Library/LaunchAgents/ai.tokligence.gateway.plist",
        [["launchctl", "bootstrap", "gui/501", "/Users/alice/Library/LaunchAgents/ai.tokligence.gateway.plist"]],
        [["launchctl", "bootout", "gui/501/ai.tokligence.gateway"]],
      ],
    ],
  );
});
