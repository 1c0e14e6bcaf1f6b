import { BlockList } from "node:net"

/** Reserved for other purposes than being reached on the Internet (IANA special-purpose registries; RFC 6890). */
const SPECIAL_IPV4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const

/** Within 2000::/3; what is outside of it is not global. Those that carry an IPv4 address in them lead anywhere. */
const SPECIAL_IPV6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const

const specialIpv4 = new BlockList()
for (const [network, bits] of SPECIAL_IPV4) specialIpv4.addSubnet(network, bits, "ipv4")
const globalIpv6 = new BlockList()
globalIpv6.addSubnet("2000::", 3, "ipv6")
const specialIpv6 = new BlockList()
for (const [network, bits] of SPECIAL_IPV6) specialIpv6.addSubnet(network, bits, "ipv6")

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Whether an address, as a resolver gives it, is one of the public Internet and not of this machine or its network. */
export function isPublic({ address, family }: ResolvedAddress): boolean {
  if (family === 4) return !specialIpv4.check(address, "ipv4")
  return family === 6 && globalIpv6.check(address, "ipv6") && !specialIpv6.check(address, "ipv6")
}
