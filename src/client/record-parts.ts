import { type TSchema, Type } from "@sinclair/typebox"
import { CLIENT_ID_BYTES, HASH_BYTES, ID_BYTES, KEY_BYTES } from "../limits.ts"
import { fixedBytes } from "../wire/endpoint.ts"

/** What records of the client are made of. */

export const Bytes = Type.Uint8Array()
export const Id = fixedBytes(ID_BYTES, "id")
export const Key = fixedBytes(KEY_BYTES, "key")
export const ClientId = fixedBytes(CLIENT_ID_BYTES, "client id")
export const AliasHash = fixedBytes(HASH_BYTES, "hash of an alias")
export const Seconds = Type.Integer({ minimum: 0, description: "since 1970" })
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
