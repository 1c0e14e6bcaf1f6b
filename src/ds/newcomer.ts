import { type Credential, encodeCredential, findExtension, type KeyPackage } from "../mls/index.ts"
import { equal } from "../wire/bytes.ts"
import { decodeClientQueueConfig, QUEUE_CONFIG_EXTENSION_TYPE } from "../wire/queue-config.ts"
import { operationRules as rules } from "./operation-rules.ts"
import { allow, decodable } from "./refusal.ts"

/** A leaf that a commit brings, with what the head keeps of it. */
export interface Newcomer {
  readonly leaf: number
  readonly signatureKey: Uint8Array
  readonly queueConfig: Uint8Array
}

/** Refuses a queue config that does not decode or is of another domain: there is no federation yet. */
export function ownQueueConfig(bytes: Uint8Array, domain: string): Uint8Array {
  const config = decodable(() => decodeClientQueueConfig(bytes), rules.ownQueue)
  allow(config.domain === domain, rules.ownQueue)
  return bytes
}

/** The queue config that a KeyPackage carries. */
export function queueConfigOf(keyPackage: KeyPackage, domain: string): Uint8Array {
  const extension = findExtension(keyPackage.extensions, QUEUE_CONFIG_EXTENSION_TYPE)
  allow(extension !== undefined, rules.ownQueue)
  return ownQueueConfig(extension.data, domain)
}

export function sameCredential(a: Credential, b: Credential): boolean {
  return equal(encodeCredential(a), encodeCredential(b))
}
