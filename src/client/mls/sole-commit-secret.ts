import type { CiphersuiteImpl } from "ts-mls"
import { isZero } from "../../crypto/wipe.ts"
import { deriveSecret } from "../../mls/labels.ts"
import { suite1 } from "../../mls/suites/suite1.ts"
import { equal } from "../../wire/bytes.ts"
import type { Suite } from "./suite.ts"

/**
 * A path that nobody else can follow still has a secret (RFC 9420 section 7.4), but ts-mls takes zeros for it: whoever is
 * removed from a group of two could compute the next epoch. This puts in what the RFC says.
 */
export function withSoleCommitSecret({ crypto, cs }: Suite, initSecret: Uint8Array): CiphersuiteImpl {
  let pathSecret: Uint8Array | undefined
  return {
    ...cs,
    rng: {
      randomBytes(length) {
        const bytes = cs.rng.randomBytes(length)
        if (length === cs.kdf.size) pathSecret ??= bytes.slice()
        return bytes
      },
    },
    kdf: {
      ...cs.kdf,
      extract(salt, inputKey) {
        const sole = pathSecret !== undefined && isZero(inputKey) && equal(salt, initSecret)
        return cs.kdf.extract(
          salt,
          sole && pathSecret ? deriveSecret(suite1(crypto), pathSecret, "path") : inputKey,
        )
      },
    },
  }
}
