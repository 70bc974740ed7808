import { lookup, type LookupAddress } from "node:dns";
import { BlockList, isIPv6, type LookupFunction } from "node:net";

/** Resolves a host name to all its addresses; node:dns's `lookup` by default. */
export type Resolve = (hostname: string, callback: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void;

export const systemResolve: Resolve = (hostname, callback) => {
  lookup(hostname, { all: true }, callback);
};

/** `code` of the error for a name whose addresses must not be connected to. */
export const refusedAddressCode = "ERR_ADDRESS_REFUSED";

/**
 * Link-local addresses, at which clouds give machine credentials to every caller inside. No provider is there; a name that resolves to one is a
 * mistake or an attack. (RFC 3927, RFC 4291 section 2.5.6; AWS's IPv6 metadata address, docs.aws.amazon.com, instance metadata; Alibaba's.)
 */
/** Addresses of this machine and of private networks, and those that lead to them (IANA's special-purpose registries, RFC 6890). */
function addPrivate(list: BlockList): void {
  const ipv4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
  ];
  for (const net of [...ipv4, "224.0.0.0/3"]) addNet(list, net, "ipv4");
  for (const net of ["::/128", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fc00::/7", "fec0::/10", "ff00::/8"])
    addNet(list, net, "ipv6");
}

function addNet(list: BlockList, net: string, family: "ipv4" | "ipv6"): void {
  const [address = "", prefix = ""] = net.split("/");
  list.addSubnet(address, Number(prefix), family);
}

function createForbiddenList(): BlockList {
  const list = new BlockList();
  list.addSubnet("169.254.0.0", 16, "ipv4");
  list.addSubnet("fe80::", 10, "ipv6");
  list.addAddress("fd00:ec2::254", "ipv6");
  list.addAddress("100.100.100.200", "ipv4");
  return list;
}

/**
 * A lookup for `net.connect` that returns only addresses that may be connected to, so that the checked address is the one that is used. It is called

 * @param isPublicOnly whether addresses of private networks and of this machine are refused, too. It is called
 * only for names: an address that is written in the configuration is the operator's decision.
 */
export function createCheckedLookup(resolve: Resolve, isPublicOnly = false): LookupFunction {
  const forbidden = createForbiddenList();
  if (isPublicOnly) addPrivate(forbidden);
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      // A zone (`fe80::1%eth0`) is not part of the address.
      const allowed = addresses.filter(({ address }) => !forbidden.check(address.split("%", 1)[0]!, isIPv6(address) ? "ipv6" : "ipv4"));
      const first = allowed[0];
      if (first === undefined) callback(noAddressError(hostname, addresses), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function noAddressError(hostname: string, addresses: readonly LookupAddress[]): NodeJS.ErrnoException {
  const code = addresses.length === 0 ? "ENOTFOUND" : refusedAddressCode;
  return Object.assign(new Error(`${hostname} has no address that may be connected to`), { code });
}
