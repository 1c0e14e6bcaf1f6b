import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { signLabeled, verifyLabeled } from "../crypto/signature.ts"
import { wipe } from "../crypto/wipe.ts"
import { ID_BYTES, KEY_BYTES, SIGNATURE_BYTES } from "../limits.ts"
import { concat, utf8 } from "./bytes.ts"
import { CLIENT_CREDENTIAL_BYTES_MAX, readVersion, writeVersion } from "./credential-format.ts"
import {
  CredentialError,
  decoded,
  type TrustSource,
  type VerifiedClientCredential,
  verifyChainOfAnyDomain,
} from "./credentials.ts"
import { decodePadded, encodePadded, openSymmetric, SEALED_OVERHEAD_BYTES, sealSymmetric } from "./sealed.ts"
import { encodeSized } from "./sized.ts"
import { CodecError, decodeAll } from "./tls.ts"

/**
 * What friends share (glossary of the Phoenix book).
 *
 *     struct { u8 version; opaque friendship_token[32]; opaque friendship_encryption_key[32];
 *              opaque user_profile_key[32]; } FriendshipPackage
 *
 * Each side sends one as its first application message in the connection group. The token claims AddPackages, the
 * second key opens what they say about their owner, the third the owner's profile.
 */
export interface FriendshipPackage {
  readonly token: Uint8Array
  readonly encryptionKey: Uint8Array
  readonly profileKey: Uint8Array
}

/** Throws CodecError if a part has a wrong length. */
export function encodeFriendshipPackage(friendship: FriendshipPackage): Uint8Array {
  const { token, encryptionKey, profileKey } = friendship
  const keys = [token, encryptionKey, profileKey]
  if (keys.some(({ length }) => length !== KEY_BYTES)) throw new CodecError("friendship key")
  return encodeSized(1 + keys.length * KEY_BYTES, (writer) => {
    writeVersion(writer)
    for (const key of keys) writer.raw(key)
  })
}

/** Throws CodecError unless the bytes are one FriendshipPackage. */
export function decodeFriendshipPackage(bytes: Uint8Array): FriendshipPackage {
  return decodeAll(bytes, (reader) => {
    readVersion(reader)
    return {
      token: reader.raw(KEY_BYTES).slice(),
      encryptionKey: reader.raw(KEY_BYTES).slice(),
      profileKey: reader.raw(KEY_BYTES).slice(),
    }
  })
}

/**
 * Tells somebody who was added to a group by whom, and the key to all its members' credentials; one per joiner,
 * under the joiner's friendship encryption key with the group id as associated data.
 *
 *     struct { u8 version; opaque sender_client_credential<V>; opaque group_credential_key[32];
 *              opaque signature[64]; } WelcomeAttributionInfo, zero padding to 640
 *
 * The sender's client credential signs `version, credential, key, group_id[16], welcome<V>`.
 */
export interface WelcomeAttribution {
  readonly sender: VerifiedClientCredential
  readonly groupCredentialKey: Uint8Array
}

const PADDED_BYTES = 640
/** The length of every sealed attribution. */
export const WELCOME_ATTRIBUTION_BYTES = PADDED_BYTES + SEALED_OVERHEAD_BYTES

const sealLabel = utf8("Cinder 1 welcome attribution seal")

/** `groupId` has 16 bytes, `welcome` is the encoded Welcome as it is sent. */
export interface WelcomeContext {
  readonly groupId: Uint8Array
  readonly welcome: Uint8Array
}

function attributionTbs(
  clientCredential: Uint8Array,
  groupCredentialKey: Uint8Array,
  { groupId, welcome }: WelcomeContext,
): Uint8Array {
  if (groupId.length !== ID_BYTES) throw new CodecError("group id length")
  return encodeSized(PADDED_BYTES + ID_BYTES + 4 + welcome.length, (writer) => {
    writeVersion(writer)
    writer.opaque(clientCredential).raw(groupCredentialKey).raw(groupId).opaque(welcome)
  })
}

/** Signs and seals the attribution for one joiner. Throws CodecError if a part has a wrong length. */
export function sealWelcomeAttribution(
  crypto: CryptoProvider,
  friendshipKey: Uint8Array,
  sender: { readonly clientSeed: Uint8Array; readonly clientCredential: Uint8Array },
  groupCredentialKey: Uint8Array,
  context: WelcomeContext,
): Uint8Array {
  if (groupCredentialKey.length !== KEY_BYTES) throw new CodecError("group credential key length")
  const { clientSeed, clientCredential } = sender
  if (clientCredential.length > CLIENT_CREDENTIAL_BYTES_MAX) throw new CodecError("client credential length")
  const tbs = attributionTbs(clientCredential, groupCredentialKey, context)
  const signature = signLabeled(crypto, clientSeed, labels.welcomeAttribution, tbs)
  wipe(tbs)
  const plaintext = encodePadded(PADDED_BYTES, (writer) => {
    writeVersion(writer)
    writer.opaque(clientCredential).raw(groupCredentialKey).raw(signature)
  })
  return sealSymmetric(crypto, friendshipKey, concat(sealLabel, context.groupId), plaintext)
}

/**
 * Opens an attribution with one's own friendship encryption key and verifies its sender up to a root of the
 * sender's domain.
 *
 * @throws CryptoError it does not open with this key for this group
 * @throws CredentialError it opens, but is malformed, or its sender does not verify for this Welcome
 */
export function openWelcomeAttribution(
  crypto: CryptoProvider,
  friendshipKey: Uint8Array,
  sealed: Uint8Array,
  context: WelcomeContext,
  trustOf: TrustSource,
  now: number,
): WelcomeAttribution {
  const plaintext = openSymmetric(crypto, friendshipKey, concat(sealLabel, context.groupId), sealed)
  try {
    const { clientCredential, groupCredentialKey, signature } = decoded(() =>
      decodePadded(plaintext, PADDED_BYTES, (reader) => {
        readVersion(reader)
        return {
          clientCredential: reader.opaque().slice(),
          groupCredentialKey: reader.raw(KEY_BYTES).slice(),
          signature: reader.raw(SIGNATURE_BYTES).slice(),
        }
      }),
    )
    const sender = verifyChainOfAnyDomain(crypto, trustOf, clientCredential, now)
    const tbs = attributionTbs(clientCredential, groupCredentialKey, context)
    const authentic = verifyLabeled(crypto, sender.publicKey, labels.welcomeAttribution, tbs, signature)
    wipe(tbs)
    if (!authentic) throw new CredentialError("bad-signature")
    return { sender, groupCredentialKey }
  } finally {
    wipe(plaintext)
  }
}
