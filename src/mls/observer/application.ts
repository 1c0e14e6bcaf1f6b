import { decodeMlsMessage } from "../codec/message.ts"
import type { PrivateMessage } from "../codec/private-message.ts"
import { check, decoding } from "../error.ts"
import { rules } from "../rules.ts"

/**
 * Decodes an MLSMessage that has to be encrypted application data (RFC 9420 section 6.3). An observer can check nothing
 * else of it. Values are views of `bytes`. Throws MlsError.
 */
export function observeApplicationMessage(bytes: Uint8Array): PrivateMessage {
  const message = decoding(() => decodeMlsMessage(bytes))
  check(
    message.kind === "privateMessage" && message.message.contentKind === "application",
    rules.notApplication,
  )
  return message.message
}
