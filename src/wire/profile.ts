import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { PROFILE_AVATAR_BYTES_MAX, PROFILE_BYTES, PROFILE_NAME_BYTES_MAX } from "../limits.ts"
import { concat, fromUtf8, utf8 } from "./bytes.ts"
import { readVersion, writeVersion } from "./credential-format.ts"
import { decodePadded, encodePadded, openSymmetric, SEALED_OVERHEAD_BYTES, sealSymmetric } from "./sealed.ts"
import { CodecError } from "./tls.ts"
import { formatUserId, type UserId } from "./user-id.ts"

/**
 * What a user shows to contacts (docs/protocol.md section 4.3), under the user's profile key. Associated data name the user, so
 * that a server cannot show one's profile as another's. It can show an older one of the same user: nothing prevents that.
 *
 *     struct { u8 version; opaque display_name<V>; opaque avatar<V>; } UserProfile, zero padding to 8164
 */
export interface Profile {
  /** At most {@link PROFILE_NAME_BYTES_MAX} bytes of UTF-8. */
  readonly displayName: string
  /** An image file of at most {@link PROFILE_AVATAR_BYTES_MAX} bytes, as the user's application made it; empty: none. */
  readonly avatar: Uint8Array
}

const PADDED_BYTES = PROFILE_BYTES - SEALED_OVERHEAD_BYTES

function associatedData({ user, domain }: UserId): Uint8Array {
  return concat(labels.userProfile, utf8(formatUserId(user, domain)))
}

/** Seals a user's profile under a 32-byte key, to {@link PROFILE_BYTES}. Throws CodecError if a part is too long. */
export function sealProfile(
  crypto: CryptoProvider,
  profileKey: Uint8Array,
  owner: UserId,
  { displayName, avatar }: Profile,
): Uint8Array {
  const name = utf8(displayName)
  if (name.length > PROFILE_NAME_BYTES_MAX) throw new CodecError("display name too long")
  if (avatar.length > PROFILE_AVATAR_BYTES_MAX) throw new CodecError("avatar too long")
  const plaintext = encodePadded(PADDED_BYTES, (writer) => {
    writeVersion(writer)
    writer.opaque(name).opaque(avatar)
  })
  return sealSymmetric(crypto, profileKey, associatedData(owner), plaintext)
}

/**
 * The reverse.
 *
 * @throws CryptoError another key or user, changed bytes, or none was ever set
 * @throws CodecError whoever sealed it made something else
 */
export function openProfile(
  crypto: CryptoProvider,
  profileKey: Uint8Array,
  owner: UserId,
  sealed: Uint8Array,
): Profile {
  const plaintext = openSymmetric(crypto, profileKey, associatedData(owner), sealed)
  try {
    return decodePadded(plaintext, PADDED_BYTES, (reader) => {
      readVersion(reader)
      const name = reader.opaque()
      const avatar = reader.opaque().slice()
      if (name.length > PROFILE_NAME_BYTES_MAX || avatar.length > PROFILE_AVATAR_BYTES_MAX) {
        throw new CodecError("profile")
      }
      return { displayName: decodeText(name), avatar }
    })
  } finally {
    wipe(plaintext)
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    throw new CodecError("display name is not text")
  }
}
