import { decodeBatchRequest, encodeBatchRequest } from "../../../src/privacypass/batch.ts"
import type { tokens } from "../../../src/wire/as/tokens.ts"
import type { Attacks, Forger } from "../forger.ts"
import { filled, variants } from "./parts.ts"
import type { AttackTable } from "./siege.ts"

/** What each client may draw in a day where tokens are asked for: little more than the client library buys at first. */
export const ALLOWANCE = 110

function tokenRequests(forger: Forger): Attacks {
  const honest = forger.claimed["request"] as Uint8Array
  const { truncatedTokenKeyId, blinded } = decodeBatchRequest(honest)
  const batch = (elements: readonly Uint8Array[], keyId = truncatedTokenKeyId) =>
    encodeBatchRequest({ truncatedTokenKeyId: keyId, blinded: elements })
  const [element = filled(32, 0)] = blinded
  const requests = {
    "another key": batch(blinded, truncatedTokenKeyId ^ 1),
    "another type": honest.map((byte, at) => (at === 1 ? 1 : byte)),
    "an empty batch": batch([]),
    "a batch of 101": batch(Array.from({ length: 101 }, () => element)),
    "the identity": batch([...blinded, filled(32, 0)]),
    "no element": batch([...blinded, filled(32, 0xff)]),
    "an element in another encoding": batch([
      ...blinded,
      element.map((byte, at) => (at === 31 ? byte | 0x80 : byte)),
    ]),
    "half an element": honest.subarray(0, -16),
    "trailing bytes": Uint8Array.of(...honest, 0),
    "a byte": Uint8Array.of(0),
  }
  return variants(forger, "request", requests)
}

/** Ten times what is asked for. */
function largeBatch(forger: Forger): Uint8Array {
  const { truncatedTokenKeyId, blinded } = decodeBatchRequest(forger.claimed["request"] as Uint8Array)
  const elements = Array.from({ length: 10 }, () => blinded).flat()
  return encodeBatchRequest({ truncatedTokenKeyId, blinded: elements })
}

/** What the issuing of tokens is attacked with, by a client that has little of its {@link ALLOWANCE} left. */
export const tokenAttacks: AttackTable<typeof tokens> = {
  requestTokens: (forger) => ({
    "as.invalid-token-request": tokenRequests(forger),
    "as.allowance-exceeded": { "more than is left": forger.params({ request: largeBatch(forger) }) },
  }),
}
