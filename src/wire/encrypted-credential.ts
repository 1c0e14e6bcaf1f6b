import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES } from "../limits.ts"
import { concat } from "./bytes.ts"
import { CLIENT_CREDENTIAL_BYTES_MAX, readVersion, writeVersion } from "./credential-format.ts"
import { decodePadded, encodePadded, openSymmetric, SEALED_OVERHEAD_BYTES, sealSymmetric } from "./sealed.ts"
import { CodecError } from "./tls.ts"

/**
 * Who is behind a leaf, for those who may know: in AddPackages under the friendship encryption key, in a group's
 * state under the group's credential key. Whoever adds somebody opens the first and seals the second.
 *
 *     struct { u8 version; opaque client_credential<V>; opaque signature_encryption_key[32]; } zero padding to 576
 *
 * Associated data are the purpose's label and the leaf's signature key, so that a server cannot move one member's
 * identity to another's leaf.
 */
export interface LeafOwner {
  /** Encoded ClientCredential; not verified by opening it. */
  readonly clientCredential: Uint8Array
  /** Opens the proof in the leaf's credential; 32 bytes. */
  readonly signatureKey: Uint8Array
}

export type CredentialPurpose = "add-package" | "group"

const PADDED_BYTES = 576
/** The length of every encrypted credential. */
export const ENCRYPTED_CREDENTIAL_BYTES = PADDED_BYTES + SEALED_OVERHEAD_BYTES

const purposeLabels = { "add-package": labels.addPackageCredential, group: labels.groupCredential } as const

/** Seals a leaf's owner under a 32-byte key. Throws CodecError if the parts have wrong lengths. */
export function sealCredential(
  crypto: CryptoProvider,
  purpose: CredentialPurpose,
  key: Uint8Array,
  leafPublicKey: Uint8Array,
  { clientCredential, signatureKey }: LeafOwner,
): Uint8Array {
  if (signatureKey.length !== KEY_BYTES || clientCredential.length > CLIENT_CREDENTIAL_BYTES_MAX) {
    throw new CodecError("leaf owner")
  }
  const plaintext = encodePadded(PADDED_BYTES, (writer) => {
    writeVersion(writer)
    writer.opaque(clientCredential).raw(signatureKey)
  })
  return sealSymmetric(crypto, key, concat(purposeLabels[purpose], leafPublicKey), plaintext)
}

/**
 * The reverse. Verify the credential and then the leaf's with the key before believing either.
 *
 * @throws CryptoError another key, purpose or leaf, or changed bytes
 * @throws CodecError whoever sealed it made something else
 */
export function openCredential(
  crypto: CryptoProvider,
  purpose: CredentialPurpose,
  key: Uint8Array,
  leafPublicKey: Uint8Array,
  sealed: Uint8Array,
): LeafOwner {
  const plaintext = openSymmetric(crypto, key, concat(purposeLabels[purpose], leafPublicKey), sealed)
  try {
    return decodePadded(plaintext, PADDED_BYTES, (reader) => {
      readVersion(reader)
      const clientCredential = reader.opaque().slice()
      if (clientCredential.length > CLIENT_CREDENTIAL_BYTES_MAX) throw new CodecError("leaf owner")
      return { clientCredential, signatureKey: reader.raw(KEY_BYTES).slice() }
    })
  } finally {
    wipe(plaintext)
  }
}
