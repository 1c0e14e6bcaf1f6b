import { ADMINS_MAX, FORMAT_VERSION, KEY_BYTES } from "../limits.ts"
import { compare } from "./bytes.ts"
import { CodecError, decodeAll, encodeWith } from "./tls.ts"

/** GroupContext extension (private-use range, RFC 9420 section 17.3) that says who is an admin. */
export const ROLES_EXTENSION_TYPE = 0xf0c2

/**
 * Who is an admin of a group; everybody else is a member. Admins are named by the signature keys of their leaves, not by
 * leaf indices: an index goes to somebody else after a removal, and to another place by a resync, which cannot change
 * the GroupContext.
 *
 *     struct { u8 version; opaque admins<V>[32]; } Roles
 *
 * The keys are in ascending order, each once, at least one and at most ADMINS_MAX.
 */
export interface Roles {
  readonly admins: readonly Uint8Array[]
}

/** The order of the keys does not matter. */
export function encodeRoles({ admins }: Roles): Uint8Array {
  return encodeWith(admins, (writer, keys) =>
    writer.u8(FORMAT_VERSION).vector([...keys].sort(compare), (w, key) => w.raw(key)),
  )
}

/** Keys are copies. Throws CodecError unless the bytes are the one encoding of some roles. */
export function decodeRoles(bytes: Uint8Array): Roles {
  const admins = decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("roles version")
    return reader.vector((r) => r.raw(KEY_BYTES).slice())
  })
  if (admins.length === 0 || admins.length > ADMINS_MAX) throw new CodecError("number of admins")
  for (const [i, key] of admins.slice(1).entries()) {
    if (compare(admins[i] as Uint8Array, key) >= 0) throw new CodecError("order of admins")
  }
  return { admins }
}
