import type { CustomProposal } from "../codec/proposal.ts"
import { PRIVATE_USE_FIRST } from "../codec/protocol.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import type { Clock } from "./leaf-validity.ts"

/** What a deployment lays down for handshakes, beside what RFC 9420 does. */
export interface Policy extends Clock {
  /** The cipher suites that the deployment has, one of which a ReInit has to lead to; without it, to any. */
  readonly suites?: readonly number[]
  /** The proposal types for private use (0xf000 and above) that the application has defined; all others are refused. */
  readonly customProposals?: Readonly<Record<number, CustomProposalType>>
}

/** What has to be known of a type of proposals (RFC 9420 section 17.4); what they do is the application's. */
export interface CustomProposalType {
  /** Whether a commit of one needs a path (section 12.4). */
  readonly pathRequired: boolean
  /** Whether external senders may send one (section 12.1.8). */
  readonly byExternalSender: boolean
}

/** The declaration of a custom proposal's type. Throws MlsError if there is none. */
export function declarationOf({ type }: CustomProposal, policy: Policy): CustomProposalType {
  const declared = type < PRIVATE_USE_FIRST ? undefined : policy.customProposals?.[type]
  check(declared !== undefined, rules.undeclaredProposal)
  return declared
}
