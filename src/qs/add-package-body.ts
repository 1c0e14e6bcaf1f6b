import type { Static } from "@sinclair/typebox"
import type { AddPackage } from "../wire/qs/add-packages.ts"
import { decodeAll, Writer } from "../wire/tls.ts"

/** struct { opaque key_package<V>; opaque encrypted_credential<V>; } AddPackageBody: an AddPackage as its row keeps it. */
export function encodeAddPackageBody({
  keyPackage,
  encryptedCredential,
}: Static<typeof AddPackage>): Uint8Array {
  return new Writer(2048).opaque(keyPackage).opaque(encryptedCredential).view()
}

/** Throws CodecError. */
export function decodeAddPackageBody(body: Uint8Array): Static<typeof AddPackage> {
  return decodeAll(body, (reader) => {
    return { keyPackage: reader.opaque(), encryptedCredential: reader.opaque() }
  })
}
