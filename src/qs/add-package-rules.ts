import type { Static } from "@sinclair/typebox"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_PACKAGE_SECONDS_MAX } from "../limits.ts"
import { findExtension, MlsError, verifyKeyPackage } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import type { AddPackage } from "../wire/qs/add-packages.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../wire/queue-config.ts"
import type { QueueConfigs } from "./queue-configs.ts"

declare const checked: unique symbol
/** AddPackages that their client may publish; only {@link checkAddPackages} makes them. */
export type CheckedAddPackages = {
  readonly lastResort: Static<typeof AddPackage>
  readonly normal: readonly Static<typeof AddPackage>[]
} & { readonly [checked]: true }

/** How many are checked before others get their turn: each costs several signatures. */
const CHECKS_PER_TURN = 8

/**
 * Checks what a client wants to publish: every KeyPackage is valid by itself and leads to this client's own queue, no
 * two share a key, and exactly one is of last resort. `now` in seconds.
 *
 * @throws Problem `qs.invalid-add-packages`
 */
export async function checkAddPackages(
  crypto: CryptoProvider,
  configs: QueueConfigs,
  client: Uint8Array,
  packages: readonly Static<typeof AddPackage>[],
  now: bigint,
): Promise<CheckedAddPackages> {
  const keys = new Set<string>()
  const lastResorts: Static<typeof AddPackage>[] = []
  const normal: Static<typeof AddPackage>[] = []
  for (const [i, content] of packages.entries()) {
    const keyPackage = verified(crypto, content.keyPackage, now)
    const config = findExtension(keyPackage.extensions, QUEUE_CONFIG_EXTENSION_TYPE)
    const opened = config === undefined ? undefined : configs.open(config.data)
    wipe(opened?.pushTokenKey)
    if (opened === undefined || !equal(opened.client, client)) throw invalid()
    const { initKey, leafNode } = keyPackage
    for (const key of [initKey, leafNode.encryptionKey, leafNode.signatureKey]) keys.add(toHex(key))
    const isLast = findExtension(keyPackage.extensions, LAST_RESORT_EXTENSION_TYPE) !== undefined
    ;(isLast ? lastResorts : normal).push(content)
    if (i % CHECKS_PER_TURN === CHECKS_PER_TURN - 1) await nextTurn()
  }
  if (keys.size !== 3 * packages.length) throw invalid()
  const [lastResort, ...others] = lastResorts
  if (lastResort === undefined || others.length > 0) throw invalid()
  return { lastResort, normal } as unknown as CheckedAddPackages
}

function verified(crypto: CryptoProvider, bytes: Uint8Array, now: bigint) {
  try {
    return verifyKeyPackage(suite1(crypto), bytes, now, BigInt(KEY_PACKAGE_SECONDS_MAX))
  } catch (error) {
    if (error instanceof MlsError) throw invalid()
    throw error
  }
}

function invalid(): Problem {
  return new Problem("qs.invalid-add-packages")
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
