import { open, seal } from "../crypto/hpke.ts"
import { labels } from "../crypto/labels.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { FORMAT_VERSION, HASH_BYTES, QUEUES_REPORTED_MAX } from "../limits.ts"
import { includesBytes } from "../wire/bytes.ts"
import { CodecError, decodeAll, Writer } from "../wire/tls.ts"
import { reportPublicKey, reportSecretKey } from "./group-secret.ts"
import type { Head } from "./head.ts"
import type { HeadLeaf } from "./members.ts"
import type { StoredReports } from "./store.ts"

/**
 * Queues that were found gone by requests that did not write the head (docs/protocol.md section 5.1): outside the head's seal,
 * encrypted with HPKE to a key whose secret follows from the group's secret in the head. The plaintext has one length and
 * is encrypted anew with every write of the head, so a copy of the data does not show whether it holds any.
 *
 *     struct { u8 version; opaque digests<V>[32]; zero padding to a fixed length } Reports
 *
 * A digest is SHA-256 of a ClientQueueConfig. When the member changes its config, the report is void.
 */

/** Header and digests. */
const REPORTS_BYTES = 1 + 2 + HASH_BYTES * QUEUES_REPORTED_MAX

/** The reports of a new group, or after they were acted on. */
export function noReports(crypto: CryptoProvider, secret: Uint8Array, groupId: Uint8Array): StoredReports {
  return sealReports(crypto, reportPublicKey(crypto, secret), groupId, [])
}

/** Reports these members' queues as gone, as far as they fit; nobody needs the head for that. */
export function reportsOf(
  crypto: CryptoProvider,
  { publicKey }: StoredReports,
  groupId: Uint8Array,
  members: readonly HeadLeaf[],
): StoredReports {
  const digests = members.slice(0, QUEUES_REPORTED_MAX).map(({ queueConfig }) => crypto.sha256(queueConfig))
  return sealReports(crypto, publicKey, groupId, digests)
}

function sealReports(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  groupId: Uint8Array,
  digests: readonly Uint8Array[],
): StoredReports {
  const writer = new Writer(REPORTS_BYTES)
  writer.u8(FORMAT_VERSION).vector(digests, (w, digest) => w.raw(digest))
  writer.raw(new Uint8Array(REPORTS_BYTES - writer.length))
  return { publicKey, sealed: seal(crypto, publicKey, labels.deadQueues, groupId, writer.view()) }
}

/** The leaves whose queues are reported and have not changed since; none if the reports are damaged. */
export function reportedLeaves(crypto: CryptoProvider, head: Head, reports: StoredReports): Set<number> {
  const plaintext = openReports(crypto, head, reports)
  if (plaintext === undefined) return new Set()
  const digests = decodeReports(plaintext)
  const isReported = ({ queueConfig }: HeadLeaf) => {
    const digest = crypto.sha256(queueConfig)
    return includesBytes(digests, digest)
  }
  const leaves = digests.length === 0 ? [] : head.leaves.filter(isReported).map(({ leaf }) => leaf)
  wipe(plaintext)
  return new Set(leaves)
}

function openReports(crypto: CryptoProvider, head: Head, { sealed }: StoredReports): Uint8Array | undefined {
  const secretKey = reportSecretKey(crypto, head.secret)
  try {
    return open(crypto, secretKey, labels.deadQueues, head.state.context.groupId, sealed)
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  } finally {
    wipe(secretKey)
  }
}

function decodeReports(bytes: Uint8Array): Uint8Array[] {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("reports version")
    const digests = reader.vector((r) => r.raw(HASH_BYTES))
    reader.raw(reader.remaining)
    return digests
  })
}
