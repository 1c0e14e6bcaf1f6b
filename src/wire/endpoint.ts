import { type Static, type TSchema, Type } from "@sinclair/typebox"
import { ID_BYTES, KEY_BYTES, REQUEST_BODY_BYTES_MAX, SIGNATURE_BYTES } from "../limits.ts"
import type { ProblemCode } from "./problem.ts"

/**
 * One operation of the protocol. The server's routes, the client library's calls and the OpenAPI document are all
 * made from these descriptions, so none of them can drift from the others.
 *
 * An operation is `POST path`. Its body is the version byte and deterministic CBOR: the parameters themselves where
 * `sender` is `none`, otherwise a COSE_Sign1 whose payload they are (docs/protocol.md section 3).
 */
export interface Endpoint<
  P extends TSchema = TSchema,
  R extends TSchema = TSchema,
  S extends Sender = Sender,
> {
  readonly name: string
  readonly path: string
  readonly sender: S
  /** Whether it costs a Privacy Pass token once rate limits are on. */
  readonly token: boolean
  readonly summary: string
  readonly params: P
  readonly result: R
  readonly bodyBytesMax: number
  /** Refusals beside those that every operation has. */
  readonly problems: readonly ProblemCode[]
}

/** Who signs the request; the prefix of the sender id (kid). `none` requests are not signed. */
export type Sender = "none" | "client" | "alias" | "qs-user" | "qs-client" | "leaf" | "kpref"

/** What a token is good for: the AS, where clients are known by their names, or DS and QS, where they are not. */
export type TokenService = "as" | "delivery"

/** The service whose tokens an operation costs. */
export function tokenService({ path }: Pick<Endpoint, "path">): TokenService {
  return path.startsWith("/as/") ? "as" : "delivery"
}

export type Params<E extends Endpoint> = Static<E["params"]>
export type Result<E extends Endpoint> = Static<E["result"]>

type Defaults = "bodyBytesMax" | "problems" | "token"

export function endpoint<P extends TSchema, R extends TSchema, const S extends Sender>(
  description: Omit<Endpoint<P, R, S>, Defaults> & Partial<Pick<Endpoint<P, R, S>, Defaults>>,
): Endpoint<P, R, S> {
  return { bodyBytesMax: REQUEST_BODY_BYTES_MAX, problems: [], token: true, ...description }
}

/** A byte string of exactly `length` bytes. */
export function fixedBytes(length: number, description: string) {
  return Type.Uint8Array({ minByteLength: length, maxByteLength: length, description })
}

/**
 * The same for what opens or allows something to whoever has it: the server holds it for one request and leaves no copy of
 * it in memory.
 */
export function secretBytes(length: number, description: string) {
  return Type.Uint8Array({ minByteLength: length, maxByteLength: length, description, "x-secret": true })
}

/** Whether a value is one of {@link secretBytes}. */
export function isSecret(schema: TSchema): boolean {
  return schema["x-secret"] === true
}

/** A byte string of at least one and at most `max` bytes. */
export function boundedBytes(max: number, description: string) {
  return Type.Uint8Array({ minByteLength: 1, maxByteLength: max, description })
}

/** An object that refuses unknown members. */
export function closed<T extends Record<string, TSchema>>(members: T) {
  return Type.Object(members, { additionalProperties: false })
}

export const Nothing = closed({})
export const Id = (description: string) => fixedBytes(ID_BYTES, description)
export const Key = (description: string) => fixedBytes(KEY_BYTES, description)
export const SecretKey = (description: string) => secretBytes(KEY_BYTES, description)
export const Signature = (description: string) => fixedBytes(SIGNATURE_BYTES, description)
export const Count = (max: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: max, description })
export const Epoch = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "MLS epoch" })
