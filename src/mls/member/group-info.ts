import { wipe } from "../../crypto/wipe.ts"
import type { Extension } from "../codec/extension.ts"
import { encodeExternalPub } from "../codec/group-extensions.ts"
import { type GroupInfo, groupInfoToBeSigned } from "../codec/group-info.ts"
import { signWithLabel } from "../labels.ts"
import type { PublicGroupState } from "../observer/state.ts"
import type { CipherSuite } from "../suite.ts"
import { externalKeyPair } from "./key-schedule.ts"
import { type MemberState, secretsOf } from "./state.ts"

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

/** The GroupInfo of the member's epoch with `external_pub` and these other extensions. Throws MlsError once it was removed. */
export function currentGroupInfo(state: MemberState, extensions: readonly Extension[]): GroupInfo {
  const { suite, group, leaf, signatureSecret } = state
  const externalPub = externalPubOf(suite, secretsOf(state).epoch.external)
  return signGroupInfo(suite, group, { leaf, signatureSecret }, [externalPub, ...extensions])
}

/** The `external_pub` extension of an epoch (RFC 9420 section 12.4.3.2). */
function externalPubOf(suite: CipherSuite, externalSecret: Uint8Array): Extension {
  const { secretKey, publicKey } = externalKeyPair(suite, externalSecret)
  wipe(secretKey)
  return encodeExternalPub(publicKey)
}
