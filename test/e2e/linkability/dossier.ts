import { as } from "../../../src/wire/as.ts"
import { decodeBody } from "../../../src/wire/cbor.ts"
import type { Sighting } from "./sighting.ts"

/**
 * What a client is to the server, in parts that it must not be able to put together. An attack is given each part whole,
 * which is more than the server has: nothing names the requests that one stranger made, for instance.
 */
export interface Dossier {
  /** The user and its client, by their names at the AS. */
  readonly identity: readonly Sighting[]
  /** At the AS under the name of an alias. */
  readonly alias: readonly Sighting[]
  /** At the AS as nobody, for a token: who asks for others' packages and profiles, and writes to them. */
  readonly stranger: readonly Sighting[]
  /** At QS and DS. */
  readonly pseudonym: readonly Sighting[]
}

export type Part = keyof Dossier

export const parts: readonly Part[] = ["identity", "alias", "stranger", "pseudonym"]

export function dossierOf(sightings: readonly Sighting[]): Dossier {
  const part = (name: Part) => sightings.filter((sighting) => partOf(sighting) === name)
  return {
    identity: part("identity"),
    alias: part("alias"),
    stranger: part("stranger").map(withoutTarget),
    pseudonym: part("pseudonym"),
  }
}

/** Undefined: what everybody asks for alike, such as the server's keys. */
function partOf({ target, sender, token }: Sighting): Part | undefined {
  if (target.startsWith("/qs/") || target.startsWith("/ds/")) return "pseudonym"
  if (!target.startsWith("/as/")) return undefined
  if (sender?.kind === "client" || target === as.initRegistration.path) return "identity"
  if (sender?.kind === "alias") return "alias"
  return token === undefined ? undefined : "stranger"
}

/** A stranger names somebody and gets what that one has published: that is about the other, who is on the other side too. */
function withoutTarget(sighting: Sighting): Sighting {
  const [body, ...others] = sighting.sent
  const { message } = decodeBody(body as Uint8Array) as { readonly message?: Uint8Array }
  return {
    ...sighting,
    sent: message === undefined ? others : [message, ...others],
    answer: new Uint8Array(0),
  }
}
