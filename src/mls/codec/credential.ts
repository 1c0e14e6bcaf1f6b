import { CodecError, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { CredentialType, PRIVATE_USE_FIRST } from "./protocol.ts"

/**
 * What binds a member's identity to its signature key (RFC 9420 section 5.3). A type without a definition has no
 * known length, so it cannot be decoded; types for private use are taken to be one `opaque<V>`, as a basic credential is.
 */
export type Credential =
  | { readonly kind: "basic"; readonly identity: Uint8Array }
  | { readonly kind: "x509"; readonly certificates: readonly Uint8Array[] }
  | { readonly kind: "private"; readonly type: number; readonly data: Uint8Array }

export function credentialType(credential: Credential): number {
  if (credential.kind === "basic") return CredentialType.basic
  if (credential.kind === "x509") return CredentialType.x509
  return credential.type
}

export function readCredential(reader: Reader): Credential {
  const type = reader.u16()
  if (type === CredentialType.basic) return { kind: "basic", identity: reader.opaque() }
  if (type === CredentialType.x509) return { kind: "x509", certificates: reader.vector((r) => r.opaque()) }
  if (type >= PRIVATE_USE_FIRST) return { kind: "private", type, data: reader.opaque() }
  throw new CodecError("credential type unknown")
}

export function writeCredential(writer: Writer, credential: Credential): void {
  writer.u16(credentialType(credential))
  if (credential.kind === "basic") writer.opaque(credential.identity)
  else if (credential.kind === "x509") {
    writer.vector(credential.certificates, (w, certificate) => w.opaque(certificate))
  } else writer.opaque(credential.data)
}

export function encodeCredential(credential: Credential): Uint8Array {
  return encodeWith(credential, writeCredential)
}
