import type { CryptoProvider } from "../crypto/provider.ts"
import type { Handlers } from "../wire/call.ts"
import type { keys as operations } from "../wire/qs/keys.ts"
import type { QsSecrets } from "./parts.ts"

/** The QS's own keys; `pushKey` is the public one for push services. */
export function keyHandlers(
  crypto: CryptoProvider,
  secrets: QsSecrets,
  pushKey: Uint8Array,
): Handlers<typeof operations> {
  const published = {
    configKey: crypto.x25519Public(secrets.configSecretKeys.at(-1) as Uint8Array),
    signingKey: crypto.ed25519Public(secrets.signingSeed),
    pushKey,
  }
  return {
    async publicKeys() {
      return published
    },
  }
}
