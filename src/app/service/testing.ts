import type { ServiceFacts } from "./service.ts";

/** A service of the machine, with a path that every format has to escape. */
export const serviceFacts: ServiceFacts = {
  command: ["/usr/bin/node", "/opt/tokligence/bin/tokligence-daemon.js", "--config", '/etc/tok & "co" 100%/config.yaml', "start"],
  scope: "system",
  user: "tokligence",
  writable: ["/var/lib/tokligence", "/var/log/tok ligence"],
  readable: ["/usr/bin/node", "/opt/tokligence"],
  isPortPrivileged: false,
  environmentFile: "/etc/tokligence/keys.env",
  outputFile: "/var/lib/tokligence/gateway.out",
};
