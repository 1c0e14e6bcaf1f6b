import { decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type HpkeCiphertext, readHpkeCiphertext, writeHpkeCiphertext } from "./hpke-ciphertext.ts"
import { type PreSharedKeyId, readPreSharedKeyId, writePreSharedKeyId } from "./psk.ts"

/** One joiner's share of a Welcome, found by its KeyPackageRef. */
export interface EncryptedGroupSecrets {
  readonly newMember: Uint8Array
  readonly encryptedGroupSecrets: HpkeCiphertext
}

/** What new members receive (RFC 9420 section 12.4.3.1). */
export interface Welcome {
  readonly cipherSuite: number
  readonly secrets: readonly EncryptedGroupSecrets[]
  readonly encryptedGroupInfo: Uint8Array
}

function readSecrets(reader: Reader): EncryptedGroupSecrets {
  return { newMember: reader.opaque(), encryptedGroupSecrets: readHpkeCiphertext(reader) }
}

function writeSecrets(writer: Writer, secrets: EncryptedGroupSecrets): void {
  writer.opaque(secrets.newMember)
  writeHpkeCiphertext(writer, secrets.encryptedGroupSecrets)
}

export function readWelcome(reader: Reader): Welcome {
  return {
    cipherSuite: reader.u16(),
    secrets: reader.vector(readSecrets),
    encryptedGroupInfo: reader.opaque(),
  }
}

export function writeWelcome(writer: Writer, welcome: Welcome): void {
  writer.u16(welcome.cipherSuite).vector(welcome.secrets, writeSecrets).opaque(welcome.encryptedGroupInfo)
}

/** The plaintext of {@link EncryptedGroupSecrets}; holds secrets. */
export interface GroupSecrets {
  readonly joinerSecret: Uint8Array
  readonly pathSecret: Uint8Array | undefined
  readonly psks: readonly PreSharedKeyId[]
}

export function decodeGroupSecrets(bytes: Uint8Array): GroupSecrets {
  return decodeAll(bytes, (reader) => ({
    joinerSecret: reader.opaque(),
    pathSecret: reader.optional((r) => r.opaque()),
    psks: reader.vector(readPreSharedKeyId),
  }))
}

export function encodeGroupSecrets(secrets: GroupSecrets): Uint8Array {
  return encodeWith(secrets, (writer, value) =>
    writer
      .opaque(value.joinerSecret)
      .optional(value.pathSecret, (w, secret) => w.opaque(secret))
      .vector(value.psks, writePreSharedKeyId),
  )
}
