import type { Reader, Writer } from "../../wire/tls.ts"

/** What EncryptWithLabel returns (RFC 9420 section 7.6). */
export interface HpkeCiphertext {
  readonly kemOutput: Uint8Array
  readonly ciphertext: Uint8Array
}

export function readHpkeCiphertext(reader: Reader): HpkeCiphertext {
  return { kemOutput: reader.opaque(), ciphertext: reader.opaque() }
}

export function writeHpkeCiphertext(writer: Writer, value: HpkeCiphertext): void {
  writer.opaque(value.kemOutput).opaque(value.ciphertext)
}
