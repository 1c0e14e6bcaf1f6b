/** Numbers of the MLS protocol (RFC 9420 sections 6, 7, 8 and 17; `selfRemove`: draft-ietf-mls-extensions-10). */

export const PROTOCOL_VERSION_MLS10 = 1
/** Bytes of a hash, a MAC and a KDF output in all suites that are supported, which have SHA-256 (Nh). */
export const SUITE_HASH_BYTES = 32

export const WireFormat = {
  publicMessage: 1,
  privateMessage: 2,
  welcome: 3,
  groupInfo: 4,
  keyPackage: 5,
} as const

export const ContentType = { application: 1, proposal: 2, commit: 3 } as const

export const ProposalType = {
  add: 1,
  update: 2,
  remove: 3,
  psk: 4,
  reInit: 5,
  externalInit: 6,
  groupContextExtensions: 7,
  selfRemove: 10,
} as const

export const ExtensionType = {
  applicationId: 1,
  ratchetTree: 2,
  requiredCapabilities: 3,
  externalPub: 4,
  externalSenders: 5,
} as const

export const CredentialType = { basic: 1, x509: 2 } as const

/** First of the values for private use in every 16-bit registry of section 17. */
export const PRIVATE_USE_FIRST = 0xf000

/** Extension types that every client supports without listing them (section 7.2). */
export function isDefaultExtension(type: number): boolean {
  return type >= ExtensionType.applicationId && type <= ExtensionType.externalSenders
}

/** Proposal types that every client supports without listing them (section 7.2). */
export function isDefaultProposal(type: number): boolean {
  return type >= ProposalType.add && type <= ProposalType.groupContextExtensions
}
