import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { signLabeled, verifyLabeled } from "../crypto/signature.ts"
import { CLIENT_CREDENTIAL_SECONDS, HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from "../limits.ts"
import { type ConnectionPackagePayload, readPayload, writePayload } from "./connection-payload.ts"
import { CredentialError, decoded, lifetime, requireValid } from "./credentials.ts"
import { encodeSized } from "./sized.ts"
import { CodecError, decodeAll, type Writer } from "./tls.ts"

/**
 * A connection package under an alias (connection_establishment.md of the Phoenix book). It says nothing of its owner: the
 * alias has a key of its own, and the lifetime is that of everybody's packages of the month.
 *
 *     struct { ConnectionPackagePayload payload; opaque alias_auth_key[32]; opaque signature[64]; } AliasConnectionPackage
 *
 * The signature covers what is before it and the alias's hash[32]. Nobody certifies whose key an alias has. But the server
 * cannot hand out one alias's package under another: who asks for a connection signs for the package's encryption key,
 * so the owner of the other alias could not tell that the request was meant for somebody else.
 */
export interface AliasPackage extends ConnectionPackagePayload {
  readonly authKey: Uint8Array
  readonly signature: Uint8Array
}

/** The length of every package under an alias. */
export const ALIAS_PACKAGE_BYTES = 1 + KEY_BYTES + 16 + KEY_BYTES + SIGNATURE_BYTES

type Unsigned = Omit<AliasPackage, "signature">

function writeUnsigned(writer: Writer, unsigned: Unsigned): void {
  if (unsigned.authKey.length !== KEY_BYTES) throw new CodecError("alias auth key length")
  writePayload(writer, unsigned)
  writer.raw(unsigned.authKey)
}

function packageTbs(alias: Uint8Array, unsigned: Unsigned): Uint8Array {
  if (alias.length !== HASH_BYTES) throw new CodecError("alias hash length")
  return encodeSized(ALIAS_PACKAGE_BYTES, (writer) => {
    writeUnsigned(writer, unsigned)
    writer.raw(alias)
  })
}

/** A package for one encryption key under the alias of this hash and Ed25519 seed. `now` in seconds. */
export function makeAliasPackage(
  crypto: CryptoProvider,
  alias: Uint8Array,
  authSeed: Uint8Array,
  encryptionKey: Uint8Array,
  now: number,
): Uint8Array {
  const expiration = lifetime(now, CLIENT_CREDENTIAL_SECONDS)
  const unsigned = { encryptionKey, expiration, authKey: crypto.ed25519Public(authSeed) }
  const tbs = packageTbs(alias, unsigned)
  const signature = signLabeled(crypto, authSeed, labels.aliasConnectionPackage, tbs)
  return encodeAliasPackage({ ...unsigned, signature })
}

export function encodeAliasPackage(aliasPackage: AliasPackage): Uint8Array {
  return encodeSized(ALIAS_PACKAGE_BYTES, (writer) => {
    writeUnsigned(writer, aliasPackage)
    writer.raw(aliasPackage.signature)
  })
}

/** Throws CodecError unless the bytes are one AliasConnectionPackage that lasts no longer than a client's may. */
export function decodeAliasPackage(bytes: Uint8Array): AliasPackage {
  return decodeAll(bytes, (reader) => {
    const payload = readPayload(reader)
    const { notBefore, notAfter } = payload.expiration
    if (notAfter - notBefore > CLIENT_CREDENTIAL_SECONDS) throw new CodecError("alias package lifetime")
    const authKey = reader.raw(KEY_BYTES).slice()
    return { ...payload, authKey, signature: reader.raw(SIGNATURE_BYTES).slice() }
  })
}

/**
 * Checks that a package is signed by the key in it for the alias of this hash, and valid now (seconds).
 *
 * @throws CredentialError malformed, not-valid-now or bad-signature
 */
export function verifyAliasPackage(
  crypto: CryptoProvider,
  alias: Uint8Array,
  bytes: Uint8Array,
  now: number,
): AliasPackage {
  const aliasPackage = decoded(() => decodeAliasPackage(bytes))
  requireValid(aliasPackage.expiration, now)
  const { authKey, signature } = aliasPackage
  const tbs = packageTbs(alias, aliasPackage)
  if (!verifyLabeled(crypto, authKey, labels.aliasConnectionPackage, tbs, signature)) {
    throw new CredentialError("bad-signature")
  }
  return aliasPackage
}
