import type { Endpoint, Params, Result } from "./endpoint.ts"
import type { SenderId } from "./sender.ts"

declare const verified: unique symbol
/** Parameters whose signature was checked against the sender's key; only {@link SignedCall.verify} makes them. */
export type Verified<P> = P & { readonly [verified]: true }

/** A signed request as a service gets it: well-formed, fresh, but not yet known to come from its sender. */
export interface SignedCall<P> {
  readonly sender: SenderId
  /** What the sender claims. Only good for finding the key to verify with. */
  readonly claimed: P
  /**
   * Checks the signature with the sender's key and that the request was never seen before; afterwards a repetition is
   * refused. Throws Problem `auth.refused` or `auth.replayed`.
   */
  verify(publicKey: Uint8Array): Verified<P>
}

/** What a service offers for one operation. It throws Problem to refuse; whatever else it throws is a 500. */
export type Handler<E extends Endpoint> = E["sender"] extends "none"
  ? (params: Params<E>) => Promise<Result<E>>
  : (call: SignedCall<Params<E>>) => Promise<Result<E>>

export type Handlers<T extends Readonly<Record<string, Endpoint>>> = {
  readonly [K in keyof T]: Handler<T[K]>
}
