import { equal } from "../../wire/bytes.ts"
import type { Proposal } from "../codec/proposal.ts"
import type { PreSharedKeyId, ResumptionUsage } from "../codec/psk.ts"
import { check } from "../error.ts"
import type { CipherSuite } from "../suite.ts"
import { memberRules } from "./rules.ts"

/** Finds a PSK that the member does not have by itself: external ones, and resumption PSKs of other groups. */
export type PskLookup = (id: PreSharedKeyId) => Uint8Array | undefined

/** The resumption PSK of one epoch (RFC 9420 section 8.6). */
export interface ResumptionPsk {
  readonly epoch: bigint
  readonly psk: Uint8Array
}

/** A PSK with its name. */
export interface NamedPsk {
  readonly id: PreSharedKeyId
  readonly secret: Uint8Array
}

const NONE = { groupId: new Uint8Array(0), resumptions: [] as readonly ResumptionPsk[] }

/** The secrets of PSKs in their order: those of the group's own past from `own`, all others by `lookup`. Throws MlsError. */
export function findPsks(
  ids: readonly PreSharedKeyId[],
  lookup: PskLookup | undefined,
  own: { readonly groupId: Uint8Array; readonly resumptions: readonly ResumptionPsk[] } = NONE,
): NamedPsk[] {
  return ids.map((id) => {
    const known =
      id.kind === "resumption" && equal(id.groupId, own.groupId)
        ? own.resumptions.find(({ epoch }) => epoch === id.epoch)?.psk
        : undefined
    const secret = known ?? lookup?.(id)
    check(secret !== undefined, memberRules.unknownPsk)
    return { id, secret }
  })
}

/** The PSKs that a list of proposals names, in its order. */
export function pskIdsOf(proposals: readonly Proposal[]): PreSharedKeyId[] {
  return proposals.flatMap((proposal) => (proposal.kind === "psk" ? [proposal.psk] : []))
}

const NONCE_BYTES = 32

/** Proposes a PSK that members share outside of MLS, under a fresh nonce (RFC 9420 section 12.1.4). */
export function externalPskProposal(suite: CipherSuite, id: Uint8Array): Proposal {
  return { kind: "psk", psk: { kind: "external", id, nonce: suite.random(NONCE_BYTES) } }
}

/** Proposes the resumption PSK of a past epoch, under a fresh nonce (RFC 9420 section 12.1.4). */
export function resumptionPskProposal(
  suite: CipherSuite,
  groupId: Uint8Array,
  epoch: bigint,
  usage: ResumptionUsage = "application",
): Proposal {
  const nonce = suite.random(NONCE_BYTES)
  return { kind: "psk", psk: { kind: "resumption", usage, groupId, epoch, nonce } }
}
