import { createPrivateKey, X509Certificate } from "node:crypto"
import { wipe } from "../crypto/wipe.ts"
import { ConfigError, type TlsFiles } from "./config.ts"
import { readPrivateFile, readPublicFile } from "./private-file.ts"

/**
 * What a server that speaks TLS needs, in PEM, and when the certificate ends, in seconds since 1970. The key is the
 * caller's to overwrite.
 *
 * @throws ConfigError a file cannot be read, is none of its kind, or the key is another's or open to others
 */
export function readTlsFiles({ certificateFile, keyFile, keyManaged }: TlsFiles) {
  const certificate = readPublicFile("the certificate", certificateFile)
  const leaf = parsed("certificate", certificateFile, () => new X509Certificate(certificate))
  const key = readPrivateFile("the certificate's key", keyFile, keyManaged)
  try {
    const fits = parsed("private key", keyFile, () => leaf.checkPrivateKey(privateKeyOf(key)))
    if (!fits)
      throw new ConfigError(`the key in ${keyFile} is not that of the certificate in ${certificateFile}`)
    return { certificate, key, end: Math.floor(Date.parse(leaf.validTo) / 1000) }
  } catch (error) {
    wipe(key)
    throw error
  }
}

function privateKeyOf(pem: Uint8Array) {
  const copy = Buffer.from(pem)
  try {
    return createPrivateKey(copy)
  } finally {
    wipe(copy)
  }
}

function parsed<T>(kind: string, file: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new ConfigError(`${file} holds no ${kind} in PEM`)
  }
}
