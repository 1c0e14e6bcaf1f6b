import type { CryptoProvider } from "../../crypto/provider.ts"
import { KEY_BYTES } from "../../limits.ts"
import { AS_ENDORSEMENT_BYTES } from "../../wire/endorsement.ts"
import type { Reader, Writer } from "../../wire/tls.ts"
import { decodeFile, encodeFile } from "../file-form.ts"

/** What is carried between the server and the machine that keeps the root; each kind is a file of its own. */

/** A root with its seed: the file that stays offline. */
export interface RootFile {
  readonly credential: Uint8Array
  readonly seed: Uint8Array
  /** By an earlier root. */
  readonly endorsement: Uint8Array | undefined
}

/** The answer to a request: an intermediate with the root that signed it, and what vouches for that root. */
export interface SignedFile {
  readonly root: Uint8Array
  readonly endorsement: Uint8Array | undefined
  readonly intermediate: Uint8Array
}

function writeEndorsement(writer: Writer, endorsement: Uint8Array | undefined): void {
  writer.optional(endorsement, (inner, bytes) => inner.raw(bytes))
}

function readEndorsement(reader: Reader): Uint8Array | undefined {
  return reader.optional((inner) => inner.raw(AS_ENDORSEMENT_BYTES).slice())
}

/** `opaque credential<V>; opaque seed[32]; optional<opaque endorsement[129]>`; the caller overwrites it. */
export function encodeRootFile(crypto: CryptoProvider, root: RootFile): Uint8Array {
  return encodeFile(crypto, "root", (writer) => {
    writer.opaque(root.credential).raw(root.seed)
    writeEndorsement(writer, root.endorsement)
  })
}

/** Throws CodecError; so do the others. */
export function decodeRootFile(crypto: CryptoProvider, bytes: Uint8Array): RootFile {
  return decodeFile(crypto, "root", bytes, (reader) => ({
    credential: reader.opaque().slice(),
    seed: reader.raw(KEY_BYTES).slice(),
    endorsement: readEndorsement(reader),
  }))
}

/** `opaque csr<V>`: a signing request for an intermediate. */
export function encodeRequestFile(crypto: CryptoProvider, csr: Uint8Array): Uint8Array {
  return encodeFile(crypto, "request", (writer) => writer.opaque(csr))
}

export function decodeRequestFile(crypto: CryptoProvider, bytes: Uint8Array): Uint8Array {
  return decodeFile(crypto, "request", bytes, (reader) => reader.opaque().slice())
}

/** `opaque root<V>; optional<opaque endorsement[129]>; opaque intermediate<V>` */
export function encodeSignedFile(crypto: CryptoProvider, signed: SignedFile): Uint8Array {
  return encodeFile(crypto, "credential", (writer) => {
    writer.opaque(signed.root)
    writeEndorsement(writer, signed.endorsement)
    writer.opaque(signed.intermediate)
  })
}

export function decodeSignedFile(crypto: CryptoProvider, bytes: Uint8Array): SignedFile {
  return decodeFile(crypto, "credential", bytes, (reader) => ({
    root: reader.opaque().slice(),
    endorsement: readEndorsement(reader),
    intermediate: reader.opaque().slice(),
  }))
}
