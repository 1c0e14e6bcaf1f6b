import { wipe } from "../crypto/wipe.ts"
import type { Handlers } from "../wire/call.ts"
import { encodeBody } from "../wire/cbor.ts"
import type { Endpoint } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import { readBody } from "./body.ts"
import { bodyDecoder, type CallGuard, callOpener } from "./calls.ts"
import { isTorn, secretFinder, unwatched } from "./secrets.ts"

/** A token that was accepted. */
export interface Redemption {
  /** Resolves when the token is durably spent. Never rejects: what becomes of the operation does not depend on it. */
  readonly durable: Promise<void>
}

/** Takes the tokens that operations cost (RFC 9577). */
export interface TokenGate {
  /** The value of `WWW-Authenticate`. */
  challenge(): string
  /** @throws Problem token.required, token.refused or token.spent */
  redeem(authorization: string | null): Promise<Redemption>
}

/** An operation and what carries it out. */
export interface Operation {
  readonly endpoint: Endpoint
  readonly handle: (input: never) => Promise<unknown>
  /** Undefined: the operation is free. */
  readonly gate: TokenGate | undefined
}

/** A service's operations, each with its handler. Without a gate all of them are free. */
export function operationsOf<T extends Readonly<Record<string, Endpoint>>>(
  endpoints: T,
  handlers: Handlers<T>,
  gate?: TokenGate,
): Operation[] {
  return Object.entries(endpoints).map(([name, endpoint]) => ({
    endpoint,
    handle: handlers[name] as Operation["handle"],
    gate: endpoint.token ? gate : undefined,
  }))
}

/**
 * Makes the function that carries out one operation over HTTP: from a request to the encoded result. The body, and with
 * it every key that the decoded parameters show, is overwritten before it returns or throws.
 *
 * `turn` is called when the body is there, and resolves when it is to be worked on.
 *
 * A malformed body costs no token. Otherwise the token is spent before the operation begins, whatever becomes of it: the
 * spending is in the store's queue before anything of the operation is, and durable before its result is told.
 */
export function operationRunner(guard: CallGuard, { endpoint, handle, gate }: Operation, watch = unwatched) {
  const open = inputOpener(guard, endpoint)
  const secretsIn = secretFinder(endpoint.params)
  const run = handle as (input: unknown) => Promise<unknown>
  return async (request: Request, turn: () => Promise<void>): Promise<Uint8Array> => {
    if (!isCbor(request.headers.get("content-type"))) throw new Problem("request.wrong-media-type")
    const secrets = watch()
    let body: Uint8Array | undefined
    try {
      body = await readBody(request, endpoint.bodyBytesMax)
      const found = secretsIn(body)
      if (secrets.known(found) && found.some(isTorn)) throw new Problem("server.overloaded")
      await turn()
      const input = open(body)
      const spent = await gate?.redeem(request.headers.get("authorization"))
      const result = await run(input)
      await spent?.durable
      return encodeBody(result)
    } finally {
      wipe(body)
      secrets.ended()
    }
  }
}

/** From a body to what the operation's handler takes. */
function inputOpener(guard: CallGuard, { path, sender, params }: Endpoint): (body: Uint8Array) => unknown {
  if (sender === "none") return bodyDecoder(params)
  return callOpener(guard, { method: "POST", path, sender, params })
}

function isCbor(contentType: string | null): boolean {
  return contentType !== null && /^application\/cbor[ \t]*(?:;.*)?$/i.test(contentType)
}
