import { wipe } from "../crypto/wipe.ts"
import { utf8 } from "../wire/bytes.ts"
import { Writer } from "../wire/tls.ts"
import type { HpkeCiphertext } from "./codec/hpke-ciphertext.ts"
import { SUITE_HASH_BYTES } from "./codec/protocol.ts"
import type { CipherSuite } from "./suite.ts"

/** The labelled primitives of RFC 9420 (sections 5.1.2, 5.1.3, 5.2, 8 and 9). */

const PREFIX = "MLS 1.0 "

function labelled(label: string, content: Uint8Array): Uint8Array {
  return new Writer(content.length + 64)
    .opaque(utf8(PREFIX + label))
    .opaque(content)
    .view()
}

/** SignWithLabel (section 5.1.2). */
export function signWithLabel(
  suite: CipherSuite,
  secretKey: Uint8Array,
  label: string,
  content: Uint8Array,
): Uint8Array {
  const signed = labelled(label, content)
  try {
    return suite.sign(secretKey, signed)
  } finally {
    wipe(signed)
  }
}

/** VerifyWithLabel (section 5.1.2). A malformed key or signature is `false`. */
export function verifyWithLabel(
  suite: CipherSuite,
  publicKey: Uint8Array,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
): boolean {
  const signed = labelled(label, content)
  try {
    return suite.verify(publicKey, signed, signature)
  } finally {
    wipe(signed)
  }
}

/** EncryptWithLabel (section 5.1.3). Throws CryptoError on an unusable public key. */
export function encryptWithLabel(
  suite: CipherSuite,
  publicKey: Uint8Array,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
): HpkeCiphertext {
  return suite.hpkeSeal(publicKey, labelled(label, context), plaintext)
}

/** DecryptWithLabel (section 5.1.3). Throws CryptoError on what does not open. */
export function decryptWithLabel(
  suite: CipherSuite,
  secretKey: Uint8Array,
  label: string,
  context: Uint8Array,
  sealed: HpkeCiphertext,
): Uint8Array {
  return suite.hpkeOpen(secretKey, labelled(label, context), sealed)
}

/** RefHash (section 5.2): 32 bytes. The label is used as it is, without a prefix. */
export function refHash(suite: CipherSuite, label: string, value: Uint8Array): Uint8Array {
  return suite.hash(new Writer(value.length + 64).opaque(utf8(label)).opaque(value).view())
}

/** KeyPackageRef (section 5.2) of an encoded KeyPackage: 32 bytes. */
export function keyPackageRef(suite: CipherSuite, keyPackage: Uint8Array): Uint8Array {
  return refHash(suite, "MLS 1.0 KeyPackage Reference", keyPackage)
}

/** ProposalRef (section 5.2) of an encoded AuthenticatedContent: 32 bytes. */
export function proposalRef(suite: CipherSuite, authenticatedContent: Uint8Array): Uint8Array {
  return refHash(suite, "MLS 1.0 Proposal Reference", authenticatedContent)
}

/** ExpandWithLabel (section 8): `length` bytes. */
export function expandWithLabel(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const info = new Writer(context.length + 64)
    .u16(length)
    .opaque(utf8(PREFIX + label))
    .opaque(context)
  return suite.kdfExpand(secret, info.view(), length)
}

/** DeriveSecret (section 8): 32 bytes. */
export function deriveSecret(suite: CipherSuite, secret: Uint8Array, label: string): Uint8Array {
  return expandWithLabel(suite, secret, label, new Uint8Array(0), SUITE_HASH_BYTES)
}

/** DeriveTreeSecret (section 9): `length` bytes. */
export function deriveTreeSecret(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  generation: number,
  length: number,
): Uint8Array {
  return expandWithLabel(suite, secret, label, new Writer(4).u32(generation).view(), length)
}
