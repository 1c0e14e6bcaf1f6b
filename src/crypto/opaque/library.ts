import { client, ready, server } from "@serenity-kit/opaque"
import { toHex } from "../../wire/bytes.ts"
import { CryptoError } from "../provider.ts"

/**
 * The library that does OPAQUE (RFC 9807: ristretto255-SHA512, 3DH, Argon2id), as the two files beside this one use it.
 * It is WebAssembly, compiled when this module is loaded, and takes and gives base64url text where this code has bytes.
 * Text cannot be overwritten: passwords and the states of logins stay in memory until it is used for something else.
 */
await ready

export { client as opaqueClient, server as opaqueServer }

/** Whom a login is between: both names go into its transcript (RFC 9807 section 10.3). */
export interface Parties {
  /** 16-byte user id. */
  readonly user: Uint8Array
  /** The domain of the user's AS. */
  readonly domain: string
}

export function identifiersOf({ user, domain }: Parties): {
  readonly client: string
  readonly server: string
} {
  return { client: `${toHex(user)}@${domain}`, server: domain }
}

export function toText(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
}

export function fromText(text: string): Uint8Array {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  return Uint8Array.from(bytes, (character) => character.charCodeAt(0))
}

/** The library's errors are of one class and name no reason that can be relied on. */
export function refusing<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch {
    throw new CryptoError(`opaque ${what}`)
  }
}
