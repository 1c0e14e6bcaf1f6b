/**
 * Refusals as problem details (RFC 9457) with a stable code. Titles are fixed sentences: nothing of a request, no
 * identifier and no key is ever echoed.
 */
export const problems = {
  "request.malformed": { status: 400, title: "The body is not a canonical request of this operation." },
  "request.bad-host": { status: 400, title: "The Host header is not a valid host name." },
  "request.not-found": { status: 404, title: "There is no such operation." },
  "request.wrong-method": { status: 405, title: "Operations are called with POST." },
  "request.too-large": { status: 413, title: "The body is larger than this operation accepts." },
  "request.wrong-media-type": { status: 415, title: "Bodies are application/cbor." },
  "auth.refused": {
    status: 403,
    title: "The sender, the key or the object is unknown, or the signature does not verify.",
  },
  "auth.stale": {
    status: 403,
    title: "The signature is too old, from the future, or older than the server's start.",
  },
  "auth.replayed": { status: 403, title: "This signed request was seen before." },
  "token.required": { status: 401, title: "This operation costs a token, and the request has none." },
  "token.refused": { status: 401, title: "The token is not one of this server's for this service." },
  "token.spent": { status: 401, title: "The token was spent before." },
  "server.overloaded": { status: 503, title: "The server is busy; try again after a moment." },
  "server.internal": { status: 500, title: "The server failed to process the request; nothing was changed." },

  "as.invalid-csr": { status: 400, title: "The credential signing request is not valid for this server." },
  "as.credential-expired": { status: 403, title: "The credential ended too long ago to be renewed." },
  "as.client-exists": { status: 409, title: "A client with this id is already registered." },
  "as.invalid-connection-package": {
    status: 400,
    title: "A connection package is not valid for whom it is published.",
  },
  "as.too-many-connection-packages": {
    status: 400,
    title: "More connection packages than the server keeps.",
  },
  "as.no-connection-package": {
    status: 404,
    title: "No connection package is available for this user or alias.",
  },
  "as.unknown-user": { status: 404, title: "There is no such user." },
  "as.alias-exists": { status: 409, title: "This alias is already registered." },
  "as.too-many-logins": { status: 429, title: "This client began too many logins within an hour." },
  "as.invitation-required": { status: 403, title: "Registration on this server needs an invitation." },
  "as.invalid-invitation": {
    status: 403,
    title: "The invitation is mistyped, expired or used, or not one of this server.",
  },
  "as.unknown-queue": { status: 404, title: "There is no such connection queue." },
  "as.invalid-token-request": {
    status: 400,
    title: "The token request is malformed, too large, or for another key.",
  },
  "as.allowance-exceeded": { status: 429, title: "The client has drawn all tokens of this period." },

  "ds.wrong-epoch": { status: 409, title: "The group is at another epoch." },
  "ds.invalid-message": { status: 400, title: "The MLS message breaks a validation rule." },
  "ds.not-allowed": { status: 403, title: "The message is valid, but not what this operation is for." },
  "ds.proposals-pending": {
    status: 409,
    title: "Stored proposals have to be committed first, by an update that covers all of them.",
  },
  "ds.group-too-large": { status: 413, title: "The group would be larger than the server accepts." },
  "ds.fan-out-too-large": { status: 413, title: "The message is too long for so many members." },

  "qs.invalid-add-packages": {
    status: 400,
    title: "The AddPackages are not valid, or not exactly one is of last resort.",
  },
  "qs.no-add-package": { status: 404, title: "No AddPackage is available under this friendship token." },
  "qs.token-taken": { status: 409, title: "This friendship token cannot be used." },
  "qs.too-many-clients": { status: 400, title: "The QS user has as many clients as it may have." },
  "qs.too-many-blocked-groups": { status: 400, title: "More blocked groups than the server keeps." },

  "queue.full": { status: 507, title: "A recipient's queue is full." },
  "queue.invalid-cursor": { status: 400, title: "A chain is named twice, or is out of bounds." },
} as const satisfies Record<string, { status: number; title: string }>

/** The stable code of a refusal by the server; [errors.md](../../docs/errors.md) lists them with their meaning. */
export type ProblemCode = keyof typeof problems

/** A refusal. `rule` names the validation rule that an MLS message broke, and is public. */
export class Problem extends Error {
  override readonly name = "Problem"
  readonly code: ProblemCode
  readonly rule: string | undefined

  constructor(code: ProblemCode, rule?: string) {
    super(code)
    this.code = code
    this.rule = rule
  }

  get status(): number {
    return problems[this.code].status
  }
}
