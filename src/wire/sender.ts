import { CLIENT_ID_BYTES, HASH_BYTES, ID_BYTES, MEMBERS_MAX } from "../limits.ts"
import { fromHex, fromUtf8, toHex, utf8 } from "./bytes.ts"
import { CodecError } from "./tls.ts"

/** Who signs a request (docs/protocol.md section 3): the COSE key id, as text `kind:value`, identifiers in hexadecimal. */
export type SenderId =
  | { readonly kind: keyof typeof idBytes; readonly id: Uint8Array }
  | { readonly kind: "leaf"; readonly leaf: number }

const idBytes = {
  client: CLIENT_ID_BYTES,
  alias: HASH_BYTES,
  "qs-user": ID_BYTES,
  "qs-client": ID_BYTES,
  kpref: HASH_BYTES,
} as const

export function encodeSenderId(sender: SenderId): Uint8Array {
  return utf8(`${sender.kind}:${sender.kind === "leaf" ? sender.leaf : toHex(sender.id)}`)
}

/** Throws CodecError unless the bytes are the one encoding of a sender id. */
export function decodeSenderId(kid: Uint8Array): SenderId {
  if (kid.length > 128) throw new CodecError("sender id too long")
  let text: string
  try {
    text = fromUtf8(kid)
  } catch {
    throw new CodecError("sender id is not text")
  }
  const colon = text.indexOf(":")
  const kind = text.slice(0, colon)
  const value = text.slice(colon + 1)
  if (kind === "leaf") {
    const leaf = /^(0|[1-9][0-9]{0,8})$/.test(value) ? Number(value) : MEMBERS_MAX
    if (leaf >= MEMBERS_MAX) throw new CodecError("sender leaf index")
    return { kind, leaf }
  }
  if (!hasId(kind)) throw new CodecError("sender kind")
  if (!/^[0-9a-f]*$/.test(value) || value.length !== 2 * idBytes[kind])
    throw new CodecError("sender id length")
  return { kind, id: fromHex(value) }
}

function hasId(kind: string): kind is keyof typeof idBytes {
  return Object.hasOwn(idBytes, kind)
}
