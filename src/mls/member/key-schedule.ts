import { wipe } from "../../crypto/wipe.ts"
import { utf8 } from "../../wire/bytes.ts"
import { deriveSecret, expandWithLabel } from "../labels.ts"
import type { CipherSuite, HpkeKeyPair } from "../suite.ts"

/** The key schedule (RFC 9420 section 8). All secrets are 32 bytes and the caller's to wipe. */

const SECRET_BYTES = 32
const NONE = new Uint8Array(0)
const EXTERNAL_INIT = utf8("MLS 1.0 external init secret")

/** The secrets derived from one epoch's epoch_secret, which itself is not kept. */
export interface EpochSecrets {
  readonly senderData: Uint8Array
  readonly encryption: Uint8Array
  readonly exporter: Uint8Array
  readonly external: Uint8Array
  readonly confirmation: Uint8Array
  readonly membership: Uint8Array
  readonly resumption: Uint8Array
  readonly authenticator: Uint8Array
  /** For the epoch after it. */
  readonly init: Uint8Array
}

/** What the next epoch is derived from. */
export interface EpochInput {
  readonly initSecret: Uint8Array
  /** All zero without a path. */
  readonly commitSecret: Uint8Array
  /** All zero without PSKs. */
  readonly pskSecret: Uint8Array
  /** The encoded GroupContext of the new epoch. */
  readonly context: Uint8Array
}

/** The joiner secret and the secrets of a new epoch. */
export function deriveEpoch(
  suite: CipherSuite,
  input: EpochInput,
): { joinerSecret: Uint8Array; epoch: EpochSecrets } {
  const extracted = suite.kdfExtract(input.initSecret, input.commitSecret)
  const joinerSecret = expandWithLabel(suite, extracted, "joiner", input.context, SECRET_BYTES)
  wipe(extracted)
  return { joinerSecret, epoch: epochFromJoiner(suite, joinerSecret, input.pskSecret, input.context) }
}

/** The secrets of an epoch from its joiner secret. */
export function epochFromJoiner(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  context: Uint8Array,
): EpochSecrets {
  const memberSecret = suite.kdfExtract(joinerSecret, pskSecret)
  const epochSecret = expandWithLabel(suite, memberSecret, "epoch", context, SECRET_BYTES)
  const epoch = firstEpoch(suite, epochSecret)
  wipe(memberSecret, epochSecret)
  return epoch
}

/** The secret under which a Welcome's GroupInfo is encrypted. */
export function welcomeSecret(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Uint8Array {
  const memberSecret = suite.kdfExtract(joinerSecret, pskSecret)
  const secret = deriveSecret(suite, memberSecret, "welcome")
  wipe(memberSecret)
  return secret
}

/** The secrets of an epoch from its epoch_secret, which is random in a group's first. */
export function firstEpoch(suite: CipherSuite, epochSecret: Uint8Array): EpochSecrets {
  const derive = (label: string) => deriveSecret(suite, epochSecret, label)
  return {
    senderData: derive("sender data"),
    encryption: derive("encryption"),
    exporter: derive("exporter"),
    external: derive("external"),
    confirmation: derive("confirm"),
    membership: derive("membership"),
    resumption: derive("resumption"),
    authenticator: derive("authentication"),
    init: derive("init"),
  }
}

export function wipeEpoch(epoch: EpochSecrets): void {
  wipe(...Object.values(epoch))
}

/** The key pair that external joiners encrypt to (section 8.3). */
export function externalKeyPair(suite: CipherSuite, externalSecret: Uint8Array): HpkeKeyPair {
  return suite.hpkeDeriveKeyPair(externalSecret)
}

/** The init secret of an external joiner (section 8.3). Throws CryptoError on an unusable key. */
export function externalInitSender(
  suite: CipherSuite,
  externalPub: Uint8Array,
): { kemOutput: Uint8Array; initSecret: Uint8Array } {
  const { kemOutput, secret } = suite.hpkeExportSender(externalPub, NONE, EXTERNAL_INIT, SECRET_BYTES)
  return { kemOutput, initSecret: secret }
}

/** The same, as the group's members compute it. Throws CryptoError on an unusable KEM output. */
export function externalInitReceiver(
  suite: CipherSuite,
  externalSecret: Uint8Array,
  kemOutput: Uint8Array,
): Uint8Array {
  const { secretKey } = externalKeyPair(suite, externalSecret)
  try {
    return suite.hpkeExportReceiver(secretKey, kemOutput, NONE, EXTERNAL_INIT, SECRET_BYTES)
  } finally {
    wipe(secretKey)
  }
}

/** The tag of a commit (section 6.1). */
export function confirmationTag(
  suite: CipherSuite,
  confirmationKey: Uint8Array,
  confirmedTranscriptHash: Uint8Array,
): Uint8Array {
  return suite.mac(confirmationKey, confirmedTranscriptHash)
}

/** The tag of a member's PublicMessage (section 6.2) over an encoded AuthenticatedContentTBM. */
export function membershipTag(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  toBeTagged: Uint8Array,
): Uint8Array {
  return suite.mac(membershipKey, toBeTagged)
}

/** MLS-Exporter (section 8.5): `length` bytes. */
export function exporter(
  suite: CipherSuite,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const derived = deriveSecret(suite, exporterSecret, label)
  const exported = expandWithLabel(suite, derived, "exported", suite.hash(context), length)
  wipe(derived)
  return exported
}
