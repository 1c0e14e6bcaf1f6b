import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { INVITATIONS_PER_SWEEP_UNIT } from "../limits.ts"
import { monthOf } from "../month.ts"
import { type Effect, put, type Reader, remove, type View, type Writer } from "../store/database.ts"
import { concat } from "../wire/bytes.ts"
import { dayOf, lastDayOf, startOfDay } from "../wire/invitation.ts"
import { Problem } from "../wire/problem.ts"
import { type InvitationRow, invitations } from "./tables.ts"

/** Whether one needs an invitation to register, and the key that they are made with. */
export interface InvitationPolicy {
  readonly required: boolean
  /** 32 bytes from outside the data. Kept, not copied. */
  readonly key: Uint8Array
}

/** An invitation that was good when a registration began: what will tell that it was used. */
export type Invitation = InvitationRow

/**
 * Invitation codes (docs/protocol.md section 4.2), each good for one registration. Of a code that was used a hash is kept,
 * until the month in which the code would have expired is over.
 */
export class Invitations {
  readonly #crypto: CryptoProvider
  readonly #policy: InvitationPolicy
  readonly #seconds: () => number

  constructor(crypto: CryptoProvider, policy: InvitationPolicy, seconds: () => number) {
    this.#crypto = crypto
    this.#policy = policy
    this.#seconds = seconds
  }

  /**
   * Looks at the code that came with a registration. Where none is needed, one that is given is not used up.
   *
   * @throws Problem as.invitation-required, as.invalid-invitation
   */
  admit(reader: Reader, code: Uint8Array | null): Invitation | undefined {
    if (!this.#policy.required) return undefined
    if (code === null) throw new Problem("as.invitation-required")
    const lastDay = lastDayOf(this.#crypto, this.#policy.key, code)
    if (lastDay === undefined || lastDay < dayOf(this.#seconds())) throw new Problem("as.invalid-invitation")
    const used = this.#crypto.hmacSha256(this.#policy.key, concat(labels.usedInvitation, code))
    const invitation = { month: monthOf(startOfDay(lastDay)), used }
    requireUnused(reader, invitation)
    return invitation
  }

  /** Forgets the invitations that nobody can use any more, used or not. To be called at start and about once a day. */
  async forgetExpired(reader: Reader, writer: Writer): Promise<void> {
    const current = monthOf(1000 * this.#seconds())
    const expired = (view: View) =>
      view.list(invitations, {}, INVITATIONS_PER_SWEEP_UNIT).filter(({ month }) => month < current)
    while (expired(reader).length > 0) {
      const effects = (view: View) => expired(view).map((row) => remove(invitations, row))
      await writer.submit({ expects: [], effects })
    }
  }
}

/**
 * The effect of a registration on its invitation.
 *
 * @throws Problem as.invalid-invitation: another registration was faster
 */
export function useInvitation(view: View, invitation: Invitation): Effect {
  requireUnused(view, invitation)
  return put(invitations, invitation)
}

function requireUnused(view: View, invitation: Invitation): void {
  if (view.get(invitations, invitation) !== undefined) throw new Problem("as.invalid-invitation")
}
