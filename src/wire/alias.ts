import { argon2idAsync } from "@noble/hashes/argon2.js"
import { labels } from "../crypto/labels.ts"
import {
  ALIAS_CHARACTERS_MAX,
  ALIAS_CHARACTERS_MIN,
  ALIAS_HASH_KIBIBYTES,
  ALIAS_HASH_PASSES,
  ALIAS_SALT_BYTES,
  HASH_BYTES,
} from "../limits.ts"
import { utf8 } from "./bytes.ts"
import { CodecError } from "./tls.ts"

/**
 * What an alias is, and how it is named to the server (docs/protocol.md section 4.5).
 *
 * An alias is letters and digits of any script, with single dots, hyphens and underscores between them. It is written
 * normalised: compatibility forms replaced (NFKC) and case folded, so that everybody who types it gets the same. Characters
 * of different scripts that look alike stay different.
 *
 * The server only ever gets a hash, made slow on purpose: people choose aliases, and whoever has the hashes and the salt
 * can try those that people choose. The salt is the server's secret towards those who have its data alone.
 */

const LETTERS = "[\\p{L}\\p{Nd}][\\p{L}\\p{M}\\p{Nd}]*"
const ALIAS = new RegExp(`^${LETTERS}(?:[._-]${LETTERS})*$`, "u")
/** No normalisation makes a longer text so short that it would fit. */
const TYPED_LENGTH_MAX = 8 * ALIAS_CHARACTERS_MAX

/** The one form of an alias as somebody may type it. Throws CodecError if it is none. */
export function normalizeAlias(typed: string): string {
  if (typed.length > TYPED_LENGTH_MAX) throw new CodecError("alias length")
  const alias = fold(typed)
  const { length } = [...alias]
  if (length < ALIAS_CHARACTERS_MIN || length > ALIAS_CHARACTERS_MAX) throw new CodecError("alias length")
  if (!ALIAS.test(alias) || fold(alias) !== alias) throw new CodecError("alias characters")
  return alias
}

/** By way of upper case, because that is where letters meet that are written in several ways in lower case: ß and ss. */
function fold(text: string): string {
  return text.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC")
}

/**
 * What the server knows of a normalised alias: Argon2id (RFC 9106), 32 bytes. Takes some 0.4 seconds on a small machine,
 * with pauses for other work: as much as a telephone's browser can be asked for, once per alias, and more than twice what is
 * recommended as the least for passwords (19 MiB, two passes). One lane, because there is one thread.
 */
export function hashAlias(alias: string, salt: Uint8Array): Promise<Uint8Array> {
  if (salt.length !== ALIAS_SALT_BYTES) throw new CodecError("alias salt length")
  return argon2idAsync(utf8(alias), salt, {
    m: ALIAS_HASH_KIBIBYTES,
    t: ALIAS_HASH_PASSES,
    p: 1,
    dkLen: HASH_BYTES,
    personalization: labels.alias,
  })
}
