import type { Static, TSchema } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import { toHex } from "../wire/bytes.ts"
import { decodeBody, encodeBody } from "../wire/cbor.ts"
import type { TokenService } from "../wire/endpoint.ts"
import { CodecError } from "../wire/tls.ts"
import { ClientError } from "./errors.ts"
import type { ClientStore, StoreChange } from "./store.ts"

/** Records in the store: each as version byte and CBOR, under the keys that {@link at} names. */

/** Names of records. */
export const at = {
  account: "account",
  anchors: "anchors",
  schedule: "schedule",
  addPackages: "published/add-packages",
  queue: "queue/qs",
  profile: "profile",
  push: "push",
  rotation: "friendship/rotation",
  /** Another rotation is to begin, whatever became of the one under way. */
  rotationWanted: "friendship/wanted",
  earlierFriendships: "friendship/earlier",
  blocked: (user: string) => `blocked/${user}`,
  blockedGroup: (group: string) => `blocked-group/${group}`,
  connectionQueue: "queue/as",
  aliasQueue: (alias: string) => `queue/alias/${alias}`,
  alias: (alias: string) => `alias/${alias}`,
  events: "events",
  event: (number: number) => `event/${number.toString().padStart(15, "0")}`,
  keyPackage: (ref: string) => `key-package/${ref}`,
  connectionPackage: (ref: Uint8Array) => `connection-package/${toHex(ref)}`,
  contact: (user: string) => `contact/${user}`,
  /** By user id or alias: only user ids have an `@`. */
  outgoing: (name: string) => `outgoing/${name}`,
  incoming: (request: string) => `incoming/${request}`,
  group: (id: string) => `group/${id}`,
  tokens: (service: TokenService) => `token/${service}/`,
  token: (service: TokenService, name: string) => `token/${service}/${name}`,
  pendingTokens: (service: TokenService) => `tokens-pending/${service}`,
} as const

/** Lists the last part of the names under a prefix such as `group/`. */
export async function names(store: ClientStore, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).map((key) => key.slice(prefix.length))
}

/** Throws ClientError `client.damaged-store` if the value is not of this kind. */
export async function load<T extends TSchema>(
  store: ClientStore,
  schema: T,
  key: string,
): Promise<Static<T> | undefined> {
  const bytes = await store.get(key)
  if (bytes === undefined) return undefined
  try {
    const value = decodeBody(bytes)
    if (Value.Check(schema, value)) return value
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
  }
  throw new ClientError("client.damaged-store")
}

export function change<T extends TSchema>(_schema: T, key: string, value: Static<T>): StoreChange {
  return { key, value: encodeBody(value) }
}

export function removal(key: string): StoreChange {
  return { key, value: undefined }
}
