import { beginRecord, EAR_OVERHEAD_BYTES, openRecord, sealRecord } from "../src/crypto/ear.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { release } from "../src/crypto/wipe.ts"
import { Writer } from "../src/wire/tls.ts"

/** A group's head of so many random bytes, sealed; and how it is opened. */
export interface SealedHead {
  readonly ciphertext: Uint8Array
  /** Opens it, and gives back what was in it. */
  open(): void
}

export function sealedHead(bytes: number): SealedHead {
  const [earKey, groupId] = [crypto.random(32), crypto.random(16)]
  const content = beginRecord(new Writer(bytes + EAR_OVERHEAD_BYTES)).raw(crypto.random(bytes))
  const record = sealRecord(crypto, earKey, "head", groupId, 0n, content, bytes)
  return {
    ciphertext: record.ciphertext,
    open: () => release(openRecord(crypto, earKey, "head", groupId, 0n, record)),
  }
}
