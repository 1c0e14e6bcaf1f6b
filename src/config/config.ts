import { join, resolve } from "node:path"
import { Value } from "@sinclair/typebox/value"
import type { PaddingPolicy } from "../crypto/padding.ts"
import { isInside } from "./paths.ts"
import { environmentName, type SettingName, type Settings, settingNames, settings } from "./settings.ts"

const MINUTE_MILLISECONDS = 60_000

/** What the server runs with: every setting checked, every path absolute. */
export interface Config {
  readonly dataDirectory: string
  readonly secretsFile: string
  /** The service manager made the secrets file and watches over it. */
  readonly secretsManaged: boolean
  readonly domain: string
  readonly host: string
  readonly port: number
  readonly publicUrl: string
  /** Absent: the server speaks plain HTTP. */
  readonly tls: TlsFiles | undefined
  /** A Unix socket for the operator's commands (src/admin). */
  readonly adminSocket: string
  /** Absent: nobody can ask for metrics. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  readonly invitationRequired: boolean
  readonly scrubDelayMilliseconds: number
  /** 0: never. */
  readonly resealMilliseconds: number
  readonly padding: {
    readonly kind: PaddingPolicy["kind"]
    readonly unitBytes: number
    /** In tenths. */
    readonly percentile: number
  }
  readonly groupExpiryMonths: number
  readonly inactiveMemberMonths: number
  /** Whether operations cost tokens. */
  readonly rateLimit: boolean
  /** Tokens that a client may draw in a day. */
  readonly tokenAllowance: number
  readonly clientRetentionMonths: number
  readonly pushPrivateAddresses: boolean
  /** Whether everybody may see what kinds of things the files hold. */
  readonly demo: boolean
}

/** PEM files, of which the key is for the server alone. */
export interface TlsFiles {
  readonly certificateFile: string
  readonly keyFile: string
  /** The service manager made the key's file and watches over it. */
  readonly keyManaged: boolean
}

/** Where settings come from; the first source that names a setting counts. */
export interface ConfigSources {
  /** By setting, without dashes in front. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What the configuration file says, parsed. */
  readonly file: Readonly<Record<string, unknown>>
  readonly workingDirectory: string
}

/** Sentences for the operator; several mistakes are told at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
  readonly sentences: readonly string[]

  constructor(...sentences: readonly string[]) {
    super(sentences.join("\n"))
    this.sentences = sentences
  }
}

interface Found {
  readonly value: unknown
  readonly from: string
}

/** Puts the configuration together. Reads nothing but its argument. */
export function resolveConfig(sources: ConfigSources): Config | ConfigError {
  const mistakes = [...unknownNames(sources.flags, "--"), ...unknownNames(sources.file, "the file's ")]
  const values: Partial<Record<SettingName, unknown>> = {}
  for (const name of settingNames) {
    const found = find(sources, name)
    const mistake = found === undefined ? missing(name) : checkValue(name, found)
    if (mistake === undefined) values[name] = found?.value ?? settings[name].default
    else mistakes.push(mistake)
  }
  if (mistakes.length > 0) return new ConfigError(...mistakes)
  return complete(values as Partial<Settings> & Settings, sources)
}

/** These follow from others if nobody sets them. */
const derived: ReadonlySet<SettingName> = new Set(["secrets", "public-url", "admin-socket"])

function complete(values: Settings, { environment, workingDirectory }: ConfigSources): Config | ConfigError {
  const credentials = environment["CREDENTIALS_DIRECTORY"]
  const dataDirectory = resolve(workingDirectory, values.data)
  const managed = credentials === undefined ? undefined : join(resolve(credentials), "cinder.secrets")
  const absolute = (path: string | undefined) => optional(path, (given) => resolve(workingDirectory, given))
  const secretsFile = absolute(values.secrets) ?? managed ?? `${dataDirectory}.secrets`
  if (isInside(secretsFile, dataDirectory)) {
    return new ConfigError(
      `secrets must be a file outside the data directory, because a copy of both together opens what is sealed; it is ${secretsFile}`,
    )
  }
  const adminSocket = absolute(values["admin-socket"]) ?? `${dataDirectory}.admin`
  if (isInside(adminSocket, dataDirectory))
    return new ConfigError(`admin-socket must be outside the data directory; it is ${adminSocket}`)
  const tls = tlsFiles(
    absolute(chosen(values["tls-certificate"])),
    absolute(chosen(values["tls-key"])),
    credentials,
  )
  if (tls instanceof ConfigError) return tls
  if (tls !== undefined && isInside(tls.keyFile, dataDirectory))
    return new ConfigError(`tls-key must be a file outside the data directory; it is ${tls.keyFile}`)
  return {
    dataDirectory,
    secretsFile,
    secretsManaged: secretsFile === managed,
    domain: values.domain,
    host: values.host,
    port: values.port,
    publicUrl: values["public-url"] ?? `https://${values.domain}`,
    tls,
    adminSocket,
    metrics:
      values["metrics-port"] === 0
        ? undefined
        : { host: values["metrics-host"], port: values["metrics-port"] },
    invitationRequired: values.registration === "invitation",
    scrubDelayMilliseconds: values["scrub-delay-ms"],
    resealMilliseconds: values["reseal-minutes"] * MINUTE_MILLISECONDS,
    padding: {
      kind: values.padding,
      unitBytes: values["padding-unit"],
      percentile: values["padding-percentile"],
    },
    groupExpiryMonths: values["group-expiry-months"],
    inactiveMemberMonths: values["inactive-member-months"],
    rateLimit: values["rate-limit"] === "on",
    tokenAllowance: values["token-allowance"],
    clientRetentionMonths: values["client-retention-months"],
    pushPrivateAddresses: values["push-private-addresses"] === "on",
    demo: values.demo === "on",
  }
}

function chosen(file: string): string | undefined {
  return file === "none" ? undefined : file
}

function tlsFiles(
  certificateFile: string | undefined,
  keyFile: string | undefined,
  credentials: string | undefined,
): TlsFiles | ConfigError | undefined {
  if (certificateFile === undefined && keyFile === undefined) return undefined
  if (certificateFile === undefined || keyFile === undefined)
    return new ConfigError("tls-certificate and tls-key belong together: set both, or neither")
  const keyManaged = credentials !== undefined && isInside(keyFile, resolve(credentials))
  return { certificateFile, keyFile, keyManaged }
}

function optional<T>(value: string | undefined, use: (value: string) => T): T | undefined {
  return value === undefined ? undefined : use(value)
}

/** The file may have numbers; flags and environment are text. */
function find({ flags, environment, file }: ConfigSources, name: SettingName): Found | undefined {
  if (flags[name] !== undefined) return { value: typed(name, flags[name]), from: `--${name}` }
  const variable = environmentName(name)
  if (environment[variable] !== undefined)
    return { value: typed(name, environment[variable]), from: variable }
  if (Object.hasOwn(file, name)) return { value: file[name], from: "the configuration file" }
  return undefined
}

function typed(name: SettingName, value: unknown): unknown {
  const isNumber =
    settings[name].type === "integer" && typeof value === "string" && /^[0-9]{1,15}$/.test(value)
  return isNumber ? Number(value) : value
}

function missing(name: SettingName): string | undefined {
  if (derived.has(name) || settings[name].default !== undefined) return undefined
  return `${name} must be ${settings[name].description}; it is missing (set --${name} or ${environmentName(name)})`
}

function checkValue(name: SettingName, { value, from }: Found): string | undefined {
  if (Value.Check(settings[name], value)) return undefined
  return `${name} must be ${settings[name].description}; it is ${JSON.stringify(value)} (from ${from})`
}

/** What is wrong with a setting's text, given as a flag, in a sentence; undefined if nothing is. */
export function flagMistake(name: SettingName, text: string): string | undefined {
  const from = `--${name}`
  return checkValue(name, { value: typed(name, text), from })
}

/** Throws ConfigError unless the text, given as `--domain`, can be a server's domain. */
export function requireDomain(text: string): string {
  const mistake = flagMistake("domain", text)
  if (mistake !== undefined) throw new ConfigError(mistake)
  return text
}

/** A sentence for each name that is no setting; `before` is how the names are written where they come from. */
export function unknownNames(source: Readonly<Record<string, unknown>>, before: string): string[] {
  const unknown = Object.keys(source).filter((name) => !Object.hasOwn(settings, name))
  return unknown.map((name) => `${before}${name} is not a setting; settings are ${settingNames.join(", ")}`)
}
