import {
  deriveKeyPair,
  exportBaseReceiver,
  exportBaseSender,
  openBase,
  sealBase,
} from "../../src/crypto/hpke.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError, type CryptoProvider } from "../../src/crypto/provider.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { chacha20Poly1305 } from "../../src/mls/suites/chacha20-poly1305.ts"
import { type AeadParts, type DhKem, hpkeParts } from "../../src/mls/suites/hpke.ts"
import { p256Kem } from "../../src/mls/suites/p256.ts"
import { x25519Kem } from "../../src/mls/suites/x25519.ts"
import { ensureEqual } from "./check.ts"

/**
 * What is HPKE in `src`, each over both providers, made to do what a vector says: crypto/hpke.ts, which has X25519 with
 * AES, and mls/suites/hpke.ts, which has every KEM and AEAD. Both take their ephemeral keys from the provider's random
 * bytes, and both are single shot without associated data or a sequence number: those reach the AEAD here.
 */

export type Hpke = Pick<
  CipherSuite,
  "hpkeDeriveKeyPair" | "hpkeSeal" | "hpkeOpen" | "hpkeExportSender" | "hpkeExportReceiver"
>

export interface Implementation {
  readonly name: string
  readonly hpke: Hpke
}

/** By their ids in RFC 9180 section 7. */
export interface Algorithms {
  readonly kem: number
  readonly aead: number
}

/** The ephemeral key of a vector, and what it derives from. */
export interface Ephemeral {
  readonly ikm: Uint8Array
  readonly secretKey: Uint8Array
}

/** One message of a vector, with the key and nonces that it states. */
export interface NumberedMessage {
  readonly sequence: number
  readonly aad: Uint8Array
  readonly key: Uint8Array
  readonly baseNonce: Uint8Array
  readonly nonce: Uint8Array
}

const NONE = new Uint8Array(0)
const PROVIDERS = [nativeCrypto, portableCrypto]
const X25519 = 0x0020
const AES_KEY_BYTES: Readonly<Record<number, 16 | 32>> = { 1: 16, 2: 32 }

const KEMS: Readonly<Record<number, (crypto: CryptoProvider) => DhKem>> = {
  16: () => p256Kem,
  [X25519]: x25519Kem,
}

function aesGcm(aeadKeyBytes: 16 | 32): (crypto: CryptoProvider) => AeadParts {
  return (crypto) => ({ aeadKeyBytes, aeadSeal: crypto.aesGcmSeal, aeadOpen: crypto.aesGcmOpen })
}

function exportOnly(): never {
  throw new CryptoError("this suite only exports")
}

const AEADS: Readonly<Record<number, (crypto: CryptoProvider) => AeadParts>> = {
  1: aesGcm(16),
  2: aesGcm(32),
  3: () => chacha20Poly1305,
  65535: () => ({ aeadKeyBytes: 16, aeadSeal: exportOnly, aeadOpen: exportOnly }),
}

export function hasKem(kem: number): boolean {
  return kem in KEMS
}

export function hasAead(aead: number): boolean {
  return aead in AEADS
}

/** All that have these algorithms, with this ephemeral key, and for protecting this message if there is one. */
export function implementationsOf(
  { kem, aead }: Algorithms,
  ephemeral: Ephemeral,
  message?: NumberedMessage,
): Implementation[] {
  const found: Implementation[] = []
  for (const crypto of PROVIDERS) {
    const [makeKem, makeAead, aesKeyBytes] = [KEMS[kem], AEADS[aead], AES_KEY_BYTES[aead]]
    if (makeKem === undefined || makeAead === undefined) throw new Error("algorithm is not implemented")
    const { aeadKeyBytes, aeadSeal, aeadOpen } = makeAead(crypto)
    const [seal, open] = [numbered(aeadSeal, message), numbered(aeadOpen, message)]
    const parts = { aeadKeyBytes, aeadSeal: seal, aeadOpen: open, aeadId: aead }
    const deriving = { ...crypto, random: () => ephemeral.ikm.slice() }
    found.push({ name: `${crypto.name}, suites`, hpke: hpkeParts(deriving, makeKem(crypto), parts) })
    if (kem !== X25519 || aesKeyBytes === undefined) continue
    const given = { ...crypto, random: () => ephemeral.secretKey.slice(), aesGcmSeal: seal, aesGcmOpen: open }
    found.push({ name: `${crypto.name}, crypto`, hpke: x25519Aes(given, aesKeyBytes) })
  }
  return found
}

/** crypto/hpke.ts as a cipher suite would have it. */
function x25519Aes(crypto: CryptoProvider, keyBytes: 16 | 32): Hpke {
  return {
    hpkeDeriveKeyPair: (ikm) => deriveKeyPair(crypto, ikm),
    hpkeSeal(publicKey, info, plaintext) {
      const { enc, ciphertext } = sealBase(crypto, keyBytes, publicKey, info, NONE, plaintext)
      return { kemOutput: enc, ciphertext }
    },
    hpkeOpen: (secretKey, info, { kemOutput, ciphertext }) =>
      openBase(crypto, keyBytes, secretKey, kemOutput, info, NONE, ciphertext),
    hpkeExportSender(publicKey, info, context, length) {
      const { enc, secret } = exportBaseSender(crypto, keyBytes, publicKey, info, context, length)
      return { kemOutput: enc, secret }
    },
    hpkeExportReceiver: (secretKey, kemOutput, info, context, length) =>
      exportBaseReceiver(crypto, keyBytes, secretKey, kemOutput, info, context, length),
  }
}

/** The AEAD under a message's number, which changes the nonce (RFC 9180 section 5.2), and with its associated data. */
function numbered(
  protect: AeadParts["aeadSeal"],
  message: NumberedMessage | undefined,
): AeadParts["aeadSeal"] {
  return (key, baseNonce, _, text) => {
    if (message === undefined) throw new Error("there is no message to protect")
    const nonce = baseNonce.slice()
    for (let at = nonce.length - 1, rest = message.sequence; rest > 0; at--) {
      nonce[at] = (nonce[at] as number) ^ (rest % 256)
      rest = Math.floor(rest / 256)
    }
    ensureEqual(key, message.key, "key")
    ensureEqual(baseNonce, message.baseNonce, "base nonce")
    ensureEqual(nonce, message.nonce, "nonce")
    return protect(key, nonce, message.aad, text)
  }
}
