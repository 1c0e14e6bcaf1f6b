import { wipe } from "../../crypto/wipe.ts"
import type { Extension } from "../codec/extension.ts"
import { encodeExternalPub } from "../codec/group-extensions.ts"
import { type GroupInfo, groupInfoToBeSigned } from "../codec/group-info.ts"
import { signWithLabel } from "../labels.ts"
import type { PublicGroupState } from "../observer/state.ts"
import type { CipherSuite } from "../suite.ts"
import { externalKeyPair } from "./key-schedule.ts"

/** Who signs a GroupInfo. */
export interface Signer {
  readonly leaf: number
  readonly signatureSecret: Uint8Array
}

/** Signs the GroupInfo of an epoch with these extensions (RFC 9420 section 12.4.3). */
export function signGroupInfo(
  suite: CipherSuite,
  group: PublicGroupState,
  signer: Signer,
  extensions: readonly Extension[],
): GroupInfo {
  const { context: groupContext, confirmationTag } = group
  const unsigned = { groupContext, extensions, confirmationTag, signer: signer.leaf }
  const signed = groupInfoToBeSigned(unsigned)
  return { ...unsigned, signature: signWithLabel(suite, signer.signatureSecret, "GroupInfoTBS", signed) }
}

/** The `external_pub` extension of an epoch (RFC 9420 section 12.4.3.2). */
export function externalPubOf(suite: CipherSuite, externalSecret: Uint8Array): Extension {
  const { secretKey, publicKey } = externalKeyPair(suite, externalSecret)
  wipe(secretKey)
  return encodeExternalPub(publicKey)
}
