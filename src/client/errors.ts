import type { ProblemCode } from "../wire/problem.ts"

/** What goes wrong on the client's own side; refusals by the server keep the server's code. */
export type LocalCode =
  /** The server did not answer for as long as the client was told to try. */
  | "client.unreachable"
  /** The answer is not what the protocol allows. */
  | "client.unexpected-response"
  /** `Client.close` or the closing of the store came first. */
  | "client.closed"
  /** Not the URL of a push service, `https://…`, or too long. */
  | "client.invalid-push-endpoint"
  /** The user has a password of their own, and it was not given. */
  | "client.password-needed"
  /** Not the one that the account was registered with. */
  | "client.wrong-password"
  /** A message, credential or package of somebody else does not verify. */
  | "client.invalid"
  /** Neither letters and digits with marks between them, nor anything that becomes that. */
  | "client.invalid-alias"
  /** Not one of the own aliases. */
  | "client.unknown-alias"
  /** The server shows a root that none of the known ones vouches for: `Client.roots`, `Client.trustRoots`. */
  | "client.unknown-root"
  /** The user is no contact, or for safety numbers neither that nor in a group with this client. */
  | "client.unknown-contact"
  /** No such connection request, or not any more. */
  | "client.unknown-request"
  /** The user is on the own list of blocked users. */
  | "client.blocked"
  /** None of `Client.groups`. */
  | "client.unknown-group"
  /** The user is not in the group. */
  | "client.unknown-member"
  /** This client is no longer a member of the group. */
  | "client.removed"
  /** Others kept changing the group; the operation was tried several times and not carried out. */
  | "client.contended"
  /** The store holds something that this version did not write. */
  | "client.damaged-store"
  /** Somebody has the store open already: another tab, another process, or this one. */
  | "client.store-in-use"
  /** Not a store of this library, or one that a newer version of it has written. Nothing was changed. */
  | "client.incompatible-store"
  /** The store cannot be opened, read or written: no room, no permission, a broken disk, or a page without a secure context. */
  | "client.store-failed"

/** Stable: codes are added, and never change their meaning. */
export type ClientErrorCode = ProblemCode | LocalCode

/** The one error of the library. Neither message nor properties ever hold a key, an identifier or content. */
export class ClientError extends Error {
  /** Always the same, also where code is minified. */
  override readonly name = "ClientError"
  /** What went wrong; the one thing to decide by. */
  readonly code: ClientErrorCode
  /**
   * For refusals: an earlier attempt of the same request got no answer, so that the server may have carried it out
   * before it refused the repetition.
   */
  readonly ambiguous: boolean

  constructor(
    code: ClientErrorCode,
    options: { readonly ambiguous?: boolean; readonly cause?: unknown } = {},
  ) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.ambiguous = options.ambiguous ?? false
  }
}

/** There was no answer: what was asked for may have been carried out, and is tried again another time. */
export function isSilence({ code }: ClientError): boolean {
  return code === "client.closed" || code === "client.unreachable"
}
