import type { Static } from "@sinclair/typebox"
import { ENCRYPTED_CREDENTIAL_BYTES_MAX, KEY_PACKAGE_BYTES_MAX } from "../limits.ts"
import type { AddPackage } from "../wire/qs/add-packages.ts"
import { CodecError, decodeAll, Writer } from "../wire/tls.ts"

/**
 * An AddPackage as its row keeps it, zero-padded to one of few lengths:
 *
 *     struct { opaque key_package<V>; opaque encrypted_credential<V>; zeros } AddPackageBody
 */

/** Bytes; the first keeps a row within a page of 8 KiB, the last holds the largest AddPackage. */
const BODY_CLASSES = [1920, 4096, KEY_PACKAGE_BYTES_MAX + ENCRYPTED_CREDENTIAL_BYTES_MAX + 8] as const

export function encodeAddPackageBody({
  keyPackage,
  encryptedCredential,
}: Static<typeof AddPackage>): Uint8Array {
  const content = new Writer(BODY_CLASSES[0]).opaque(keyPackage).opaque(encryptedCredential).view()
  const length = BODY_CLASSES.find((bytes) => content.length <= bytes)
  if (length === undefined) throw new CodecError("add package too long")
  const body = new Uint8Array(length)
  body.set(content)
  return body
}

/** Throws CodecError. */
export function decodeAddPackageBody(body: Uint8Array): Static<typeof AddPackage> {
  return decodeAll(body, (reader) => {
    const keyPackage = reader.opaque()
    const encryptedCredential = reader.opaque()
    if (reader.raw(reader.remaining).some((byte) => byte !== 0)) throw new CodecError("add package padding")
    return { keyPackage, encryptedCredential }
  })
}
