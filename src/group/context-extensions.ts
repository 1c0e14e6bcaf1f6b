import {
  type Capabilities,
  decodeExternalSenders,
  type Extension,
  ExtensionType,
  encodeExtensions,
  encodeExternalSenders,
  encodeRequiredCapabilities,
  findExtension,
  ProposalType,
} from "../mls/index.ts"
import { equal, utf8 } from "../wire/bytes.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../wire/queue-config.ts"
import { decodeRoles, encodeRoles, ROLES_EXTENSION_TYPE } from "../wire/roles.ts"
import { CodecError } from "../wire/tls.ts"

/**
 * What the GroupContext of a Cinder group says beside RFC 9420's own: exactly `required_capabilities` of one content,
 * `external_senders` with the DS alone, and the roles, in this order.
 */
export interface ContextExtensions {
  /** Signature keys of the admins. */
  readonly admins: readonly Uint8Array[]
  /** The key with which the DS proposes removals in this group. */
  readonly removalKey: Uint8Array
}

const MLS10 = 1
const BASIC = 1

const REQUIRED = {
  extensions: [ROLES_EXTENSION_TYPE],
  proposals: [ProposalType.selfRemove],
  credentials: [BASIC],
}

/** How the DS calls itself where it proposes; the same everywhere, since the key tells the groups apart. */
const DS_CREDENTIAL = { kind: "basic", identity: utf8("Cinder delivery service") } as const

/** What the leaf of every client supports, in a group's tree as well as in KeyPackages. */
export function leafCapabilities(cipherSuite: number): Capabilities {
  return {
    versions: [MLS10],
    cipherSuites: [cipherSuite],
    extensions: [LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE, ROLES_EXTENSION_TYPE],
    proposals: [ProposalType.selfRemove],
    credentials: [BASIC],
  }
}

export function makeContextExtensions({ admins, removalKey }: ContextExtensions): Extension[] {
  return [
    encodeRequiredCapabilities(REQUIRED),
    encodeExternalSenders([{ signatureKey: removalKey, credential: DS_CREDENTIAL }]),
    { type: ROLES_EXTENSION_TYPE, data: encodeRoles({ admins }) },
  ]
}

/** Throws CodecError unless {@link makeContextExtensions} makes exactly these. */
export function readContextExtensions(extensions: readonly Extension[]): ContextExtensions {
  const senders = findExtension(extensions, ExtensionType.externalSenders)
  const roles = findExtension(extensions, ROLES_EXTENSION_TYPE)
  if (senders === undefined || roles === undefined) throw new CodecError("context extension missing")
  const [sender] = decodeExternalSenders(senders)
  if (sender === undefined) throw new CodecError("external sender missing")
  const read = { ...decodeRoles(roles.data), removalKey: sender.signatureKey.slice() }
  if (!equal(encodeExtensions(makeContextExtensions(read)), encodeExtensions(extensions))) {
    throw new CodecError("context extensions")
  }
  return read
}
