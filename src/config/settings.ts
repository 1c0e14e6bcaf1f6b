import { type Static, Type } from "@sinclair/typebox"
import {
  CLIENT_RETENTION_MONTHS,
  CLIENT_RETENTION_MONTHS_MAX,
  DOMAIN_CHARACTERS_MAX,
  PADDING_UNIT_BYTES_MAX,
  PADDING_UNIT_BYTES_MIN,
  QUEUE_RETENTION_MONTHS,
  RESEAL_MINUTES,
  RESEAL_MINUTES_MAX,
  SCRUB_DELAY_MILLISECONDS,
  TOKEN_ALLOWANCE,
  TOKEN_ALLOWANCE_MAX,
} from "../limits.ts"

const SCRUB_DELAY_MILLISECONDS_MAX = 60_000

/** Labels of letters, digits and hyphens; the last one not a number, so that no address is taken for a name. */
const DOMAIN = "^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)*(?!\\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"

/**
 * Everything an operator can set: by flag (`--scrub-delay-ms`), environment variable (`CINDER_SCRUB_DELAY_MS`) or name
 * in the configuration file (`scrub-delay-ms`), in this order of precedence. Descriptions complete "… must be".
 */
export const settings = {
  data: Type.String({ minLength: 1, description: "the directory of the databases, such as /var/lib/cinder" }),
  domain: Type.String({
    maxLength: DOMAIN_CHARACTERS_MAX,
    pattern: DOMAIN,
    description: "a host name in lower case, such as example.org",
  }),
  port: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8080,
    description: "a whole number from 0 to 65535, where 0 picks a free port",
  }),
  host: Type.String({
    minLength: 1,
    default: "127.0.0.1",
    description: "the address to listen on, such as 127.0.0.1 behind a proxy on the same machine, or 0.0.0.0",
  }),
  "public-url": Type.String({
    pattern: "^https?://[^/?#\\s]+$",
    description: "where clients reach this server, such as https://chat.example.org, without a path",
  }),
  secrets: Type.String({
    minLength: 1,
    description: "the file of the server's secrets, outside the data directory",
  }),
  registration: Type.String({
    pattern: "^(open|invitation)$",
    default: "open",
    description:
      "open, so that everybody can register, or invitation, so that it takes a code of cinder invite",
  }),
  "tls-certificate": Type.String({
    minLength: 1,
    default: "none",
    description:
      "a file with the certificate and those of its issuers in PEM, for a server that speaks TLS itself; none: a proxy in front does",
  }),
  "tls-key": Type.String({
    minLength: 1,
    default: "none",
    description: "the file with the certificate's private key in PEM, outside the data directory, or none",
  }),
  "admin-socket": Type.String({
    minLength: 1,
    description:
      "the socket by which commands on this machine ask the running server, for its user alone; its path may have up to 100 characters",
  }),
  "metrics-port": Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 0,
    description:
      "a whole number from 0 to 65535: the port of the listener for metrics and health; 0: there is none",
  }),
  "metrics-host": Type.String({
    minLength: 1,
    default: "127.0.0.1",
    description: "the address on which metrics and health can be asked for",
  }),
  "scrub-delay-ms": Type.Integer({
    minimum: 0,
    maximum: SCRUB_DELAY_MILLISECONDS_MAX,
    default: SCRUB_DELAY_MILLISECONDS,
    description: `a whole number of milliseconds up to ${SCRUB_DELAY_MILLISECONDS_MAX}, after which the write-ahead log is overwritten at the latest`,
  }),
  "reseal-minutes": Type.Integer({
    minimum: 0,
    maximum: RESEAL_MINUTES_MAX,
    default: RESEAL_MINUTES,
    description: `a whole number of minutes up to ${RESEAL_MINUTES_MAX}, after which all veiled rows get other names and are sealed anew, so that none is recognised in copies of the data that lie further apart; 0: never`,
  }),
  "padding-unit": Type.Integer({
    minimum: PADDING_UNIT_BYTES_MIN,
    maximum: PADDING_UNIT_BYTES_MAX,
    default: PADDING_UNIT_BYTES_MIN,
    description: `a whole number of bytes from ${PADDING_UNIT_BYTES_MIN} to ${PADDING_UNIT_BYTES_MAX}; sealed records of groups are at least this long`,
  }),
  padding: Type.Union([Type.Literal("doubling"), Type.Literal("percentile")], {
    default: "doubling",
    description: "doubling or percentile: how sealed records of groups are padded",
  }),
  "padding-percentile": Type.Integer({
    minimum: 1,
    maximum: 10,
    default: 8,
    description: "a whole number from 1 to 10: so many tenths of the groups look equally large",
  }),
  "group-expiry-months": Type.Integer({
    minimum: 1,
    maximum: 1200,
    default: 12,
    description:
      "a whole number of months from 1 to 1200: groups in which nothing happened for longer are deleted",
  }),
  "inactive-member-months": Type.Integer({
    minimum: 1,
    maximum: 120,
    default: 3,
    description:
      "a whole number of months from 1 to 120: members who renewed no key for longer are proposed to be removed",
  }),
  "rate-limit": Type.Union([Type.Literal("on"), Type.Literal("off")], {
    default: "on",
    description:
      "on, or off for a private server: then operations cost no tokens, and strangers can use up what it offers",
  }),
  "token-allowance": Type.Integer({
    minimum: 1,
    maximum: TOKEN_ALLOWANCE_MAX,
    default: TOKEN_ALLOWANCE,
    description: `a whole number up to ${TOKEN_ALLOWANCE_MAX}: the tokens that each client may draw in a day; most operations cost one`,
  }),
  "client-retention-months": Type.Integer({
    minimum: QUEUE_RETENTION_MONTHS,
    maximum: CLIENT_RETENTION_MONTHS_MAX,
    default: CLIENT_RETENTION_MONTHS,
    description: `a whole number from ${QUEUE_RETENTION_MONTHS} to ${CLIENT_RETENTION_MONTHS_MAX}: the calendar months for which a client may stay away before its queue is deleted`,
  }),
  "push-private-addresses": Type.Union([Type.Literal("on"), Type.Literal("off")], {
    default: "off",
    description:
      "off, or on to let pushes go to addresses of this machine and its network, which clients could use to reach into it",
  }),
  demo: Type.Union([Type.Literal("on"), Type.Literal("off")], {
    default: "off",
    description:
      "off, or on to serve a page that shows to everybody what the server's files hold, beside a conversation between people in the browser; not for a server that people use",
  }),
} as const

export type SettingName = keyof typeof settings
export type Settings = { [K in SettingName]: Static<(typeof settings)[K]> }

export const settingNames = Object.keys(settings) as readonly SettingName[]

export function environmentName(name: SettingName): string {
  return `CINDER_${name.toUpperCase().replaceAll("-", "_")}`
}
