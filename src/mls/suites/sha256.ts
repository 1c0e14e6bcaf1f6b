import type { CryptoProvider } from "../../crypto/provider.ts"
import type { CipherSuite } from "../suite.ts"

/** What all suites with SHA-256 have in common. */
export function sha256Parts(
  crypto: CryptoProvider,
): Pick<CipherSuite, "random" | "hash" | "mac" | "kdfExtract" | "kdfExpand"> {
  return {
    random: (length) => crypto.random(length),
    hash: (data) => crypto.sha256(data),
    mac: (key, data) => crypto.hmacSha256(key, data),
    kdfExtract: (salt, inputKey) => crypto.hkdfExtract(salt, inputKey),
    kdfExpand: (secret, info, length) => crypto.hkdfExpand(secret, info, length),
  }
}
