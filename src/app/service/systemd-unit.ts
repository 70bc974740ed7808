import { join } from "node:path";
import { memoryVariables } from "../daemon/node-options.ts";
import { openFiles, stopSeconds, type Command, type ServiceFacts, type ServiceFile } from "./service.ts";

const unit = "tokligence.service";

/** @param home of the user who installs it; only in the user's scope. */
export function createSystemdUnit(facts: ServiceFacts, home: string): ServiceFile {
  const isSystem = facts.scope === "system";
  const control = (...args: string[]): Command => ["systemctl", ...(isSystem ? [] : ["--user"]), ...args];
  const path = isSystem ? `/etc/systemd/system/${unit}` : join(home, ".config", "systemd", "user", unit);
  return {
    path,
    content: renderUnit(facts),
    start: [control("daemon-reload"), control("enable", "--now", unit)],
    stop: [control("disable", "--now", unit)],
    forget: [control("daemon-reload")],
    check: ["systemd-analyze", "verify", ...(isSystem ? [] : ["--user"]), path],
  };
}

type Line = readonly [name: string, value: string];

/** systemd.service(5), systemd.exec(5). The gateway reports its process and that it serves, so that a restart without a gap is possible. */
export function renderUnit(facts: ServiceFacts): string {
  const isSystem = facts.scope === "system";
  const sections: readonly (readonly [name: string, lines: readonly Line[]])[] = [
    [
      "Unit",
      [
        ["Description", "Tokligence Gateway"],
        ...(isSystem
          ? ([
              ["Wants", "network-online.target"],
              ["After", "network-online.target"],
            ] as const)
          : []),
      ],
    ],
    [
      "Service",
      [
        ["Type", "notify"],
        // `systemd-notify` is a process of its own.
        ["NotifyAccess", "all"],
        ["ExecStart", facts.command.map(quote).join(" ")],
        ["ExecReload", "/bin/kill -HUP $MAINPID"],
        [
          "Environment",
          Object.entries(memoryVariables)
            .map(([name, value]) => `${name}=${value}`)
            .join(" "),
        ],
        ["EnvironmentFile", `-${escapeSpecifiers(facts.environmentFile)}`],
        ["Restart", "on-failure"],
        ["RestartSec", "1"],
        ["TimeoutStopSec", String(stopSeconds)],
        ["LimitNOFILE", String(openFiles)],
        ["UMask", "0077"],
        ...(isSystem ? systemLines(facts) : []),
        ...hardening,
      ],
    ],
    ["Install", [["WantedBy", isSystem ? "multi-user.target" : "default.target"]]],
  ];
  const text = sections.map(([name, lines]) => [`[${name}]`, ...lines.map(([key, value]) => `${key}=${value}`)].join("\n"));
  return `${text.join("\n\n")}\n`;
}

/** They need rights that the manager of a user does not have everywhere. */
function systemLines({ user, writable, readable, isPortPrivileged }: ServiceFacts): Line[] {
  const isInHome = [...writable, ...readable].some((path) => /^\/(?:home|root|run\/user)(?:\/|$)/.test(path));
  const capability = isPortPrivileged ? "CAP_NET_BIND_SERVICE" : "";
  return [
    ...(user === undefined ? [] : ([["User", user]] as const)),
    ["CacheDirectory", "tokligence"],
    // Compiled code stays over a restart of the machine.
    ["Environment", "NODE_COMPILE_CACHE=%C/tokligence"],
    ["AmbientCapabilities", capability],
    ["CapabilityBoundingSet", capability],
    ["ProtectSystem", "strict"],
    ["ReadWritePaths", writable.map(quote).join(" ")],
    ["ProtectHome", isInHome ? "read-only" : "yes"],
    ["PrivateTmp", "yes"],
    ["PrivateDevices", "yes"],
    ["ProtectClock", "yes"],
    ["ProtectControlGroups", "yes"],
    ["ProtectHostname", "yes"],
    ["ProtectKernelLogs", "yes"],
    ["ProtectKernelModules", "yes"],
    ["ProtectKernelTunables", "yes"],
    ["ProtectProc", "invisible"],
    ["RemoveIPC", "yes"],
    // A capability for the port would hold only within a space of its own users.
    ["PrivateUsers", isPortPrivileged ? "no" : "yes"],
  ];
}

/** Without `MemoryDenyWriteExecute`, as V8 writes the code that it runs. */
const hardening: readonly Line[] = [
  ["NoNewPrivileges", "yes"],
  ["LockPersonality", "yes"],
  ["RestrictNamespaces", "yes"],
  ["RestrictRealtime", "yes"],
  ["RestrictSUIDSGID", "yes"],
  ["RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK"],
  ["SystemCallArchitectures", "native"],
  // What Node needs, also for the memory that its compiler writes to.
  ["SystemCallFilter", "@system-service @pkey"],
  ["SystemCallFilter", "~@privileged @keyring"],
  ["SystemCallErrorNumber", "EPERM"],
];

/** An argument as systemd reads it back (systemd.service(5), "Command lines"). */
function quote(text: string): string {
  const escaped = escapeSpecifiers(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("$", "$$$$");
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
