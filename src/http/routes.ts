import { wipe } from "../crypto/wipe.ts"
import type { Handlers, SignedCall } from "../wire/call.ts"
import { encodeBody } from "../wire/cbor.ts"
import type { Endpoint } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import { readBody } from "./body.ts"
import { bodyDecoder, type CallGuard, callOpener } from "./calls.ts"

/** An operation and what carries it out. */
export interface Operation {
  readonly endpoint: Endpoint
  readonly handle: (input: never) => Promise<unknown>
}

/** A service's operations, each with its handler. */
export function operationsOf<T extends Readonly<Record<string, Endpoint>>>(
  endpoints: T,
  handlers: Handlers<T>,
): Operation[] {
  return Object.entries(endpoints).map(([name, endpoint]) => ({
    endpoint,
    handle: handlers[name] as Operation["handle"],
  }))
}

/**
 * Makes the function that carries out one operation over HTTP: from a request to the encoded result. The body, and with
 * it every key that the decoded parameters show, is overwritten before it returns or throws.
 */
export function operationRunner(guard: CallGuard, { endpoint, handle }: Operation) {
  const run = decodedRunner(guard, endpoint, handle)
  return async (request: Request): Promise<Uint8Array> => {
    if (!isCbor(request.headers.get("content-type"))) throw new Problem("request.wrong-media-type")
    const body = await readBody(request, endpoint.bodyBytesMax)
    try {
      return encodeBody(await run(body))
    } finally {
      wipe(body)
    }
  }
}

function decodedRunner(guard: CallGuard, endpoint: Endpoint, handle: Operation["handle"]) {
  const { path, sender, params } = endpoint
  if (sender === "none") {
    const decode = bodyDecoder(params)
    const handleParams = handle as (params: unknown) => Promise<unknown>
    return async (body: Uint8Array) => await handleParams(decode(body))
  }
  const open = callOpener(guard, { method: "POST", path, sender, params })
  const handleCall = handle as (call: SignedCall<unknown>) => Promise<unknown>
  return async (body: Uint8Array) => await handleCall(open(body))
}

function isCbor(contentType: string | null): boolean {
  return contentType !== null && /^application\/cbor[ \t]*(?:;.*)?$/i.test(contentType)
}
