import { X509Certificate } from "node:crypto"
import { type Config, ConfigError, type TlsFiles } from "../config/config.ts"
import { readTlsFiles } from "../config/tls-files.ts"
import { wipe } from "../crypto/wipe.ts"
import { type Examination, type Finding, fail, ok, warn } from "./finding.ts"

const DAY_MILLISECONDS = 86_400_000
const DAYS_LEFT_MIN = 14
const LOCAL = ["127.0.0.1", "::1", "localhost"]

export const tls: Examination = ({ config }) => [
  config.tls === undefined ? behindProxy(config) : certificate(config, config.tls, Date.now()),
]

const promise =
  "Without TLS, whoever carries the packets reads group keys and tokens, and can change answers."

function behindProxy({ host, publicUrl }: Config): Finding {
  const id = "tls"
  if (publicUrl.startsWith("http:") && !LOCAL.includes(new URL(publicUrl).hostname))
    return fail(id, `clients reach the server without TLS, at ${publicUrl}: give public-url https`, promise)
  if (!LOCAL.includes(host)) {
    return warn(
      id,
      `the server speaks plain HTTP on ${host}: listen on 127.0.0.1 behind a proxy, or set tls-certificate and tls-key`,
      promise,
    )
  }
  return ok(
    id,
    "the server speaks plain HTTP on this machine alone, to a proxy that has the certificate",
    promise,
  )
}

/** `now` in milliseconds since 1970. */
export function certificate({ publicUrl }: Pick<Config, "publicUrl">, files: TlsFiles, now: number): Finding {
  const id = "tls"
  let leaf: X509Certificate
  try {
    const { certificate: pem, key } = readTlsFiles(files)
    wipe(key)
    leaf = new X509Certificate(pem)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return fail(id, error.message, promise)
  }
  const host = new URL(publicUrl).hostname.replace(/^\[|\]$/g, "")
  if (leaf.checkHost(host) === undefined && leaf.checkIP(host) === undefined)
    return fail(id, `the certificate is not for ${host}, where clients reach the server`, promise)
  const days = Math.floor((Date.parse(leaf.validTo) - now) / DAY_MILLISECONDS)
  if (days < 0 || Date.parse(leaf.validFrom) > now)
    return fail(id, `the certificate is good from ${leaf.validFrom} to ${leaf.validTo}, and not now`, promise)
  if (days < DAYS_LEFT_MIN)
    return warn(id, `the certificate ends in ${days} days: renew it, and restart the server`, promise)
  return ok(id, `the certificate fits its key and ${host}, for ${days} days`, promise)
}
