import { openBase, sealBase } from "../crypto/hpke.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { utf8 } from "../wire/bytes.ts"
import { Writer } from "../wire/tls.ts"
import type { HpkeCiphertext } from "./codec/hpke-ciphertext.ts"
import { SUITE_HASH_BYTES } from "./codec/protocol.ts"

/** The labelled primitives of RFC 9420 (sections 5.1.2, 5.1.3, 5.2 and 8) in suite 0x0001. */

const PREFIX = "MLS 1.0 "
const AEAD_KEY_BYTES = 16

function labelled(label: string, content: Uint8Array): Uint8Array {
  return new Writer(content.length + 64)
    .opaque(utf8(PREFIX + label))
    .opaque(content)
    .finish()
}

/** SignWithLabel (section 5.1.2): 64 bytes. */
export function signWithLabel(
  crypto: CryptoProvider,
  seed: Uint8Array,
  label: string,
  content: Uint8Array,
): Uint8Array {
  return crypto.ed25519Sign(seed, labelled(label, content))
}

/** VerifyWithLabel (section 5.1.2). A malformed key or signature is `false`. */
export function verifyWithLabel(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
): boolean {
  return crypto.ed25519Verify(publicKey, labelled(label, content), signature)
}

/** EncryptWithLabel (section 5.1.3). Throws CryptoError on an unusable public key. */
export function encryptWithLabel(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
): HpkeCiphertext {
  const info = labelled(label, context)
  const { enc, ciphertext } = sealBase(crypto, AEAD_KEY_BYTES, publicKey, info, new Uint8Array(0), plaintext)
  return { kemOutput: enc, ciphertext }
}

/** DecryptWithLabel (section 5.1.3). Throws CryptoError on what does not open. */
export function decryptWithLabel(
  crypto: CryptoProvider,
  secretKey: Uint8Array,
  label: string,
  context: Uint8Array,
  sealed: HpkeCiphertext,
): Uint8Array {
  const info = labelled(label, context)
  return openBase(
    crypto,
    AEAD_KEY_BYTES,
    secretKey,
    sealed.kemOutput,
    info,
    new Uint8Array(0),
    sealed.ciphertext,
  )
}

/** RefHash (section 5.2): 32 bytes. The label is used as it is, without a prefix. */
export function refHash(crypto: CryptoProvider, label: string, value: Uint8Array): Uint8Array {
  return crypto.sha256(new Writer(value.length + 64).opaque(utf8(label)).opaque(value).view())
}

/** KeyPackageRef (section 5.2) of an encoded KeyPackage: 32 bytes. */
export function keyPackageRef(crypto: CryptoProvider, keyPackage: Uint8Array): Uint8Array {
  return refHash(crypto, "MLS 1.0 KeyPackage Reference", keyPackage)
}

/** ProposalRef (section 5.2) of an encoded AuthenticatedContent: 32 bytes. */
export function proposalRef(crypto: CryptoProvider, authenticatedContent: Uint8Array): Uint8Array {
  return refHash(crypto, "MLS 1.0 Proposal Reference", authenticatedContent)
}

/** ExpandWithLabel (section 8): `length` bytes. */
export function expandWithLabel(
  crypto: CryptoProvider,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const info = new Writer(context.length + 64)
    .u16(length)
    .opaque(utf8(PREFIX + label))
    .opaque(context)
  return crypto.hkdfExpand(secret, info.view(), length)
}

/** DeriveSecret (section 8): 32 bytes. */
export function deriveSecret(crypto: CryptoProvider, secret: Uint8Array, label: string): Uint8Array {
  return expandWithLabel(crypto, secret, label, new Uint8Array(0), SUITE_HASH_BYTES)
}

/** DeriveTreeSecret (section 9): `length` bytes. */
export function deriveTreeSecret(
  crypto: CryptoProvider,
  secret: Uint8Array,
  label: string,
  generation: number,
  length: number,
): Uint8Array {
  return expandWithLabel(crypto, secret, label, new Writer(4).u32(generation).view(), length)
}
