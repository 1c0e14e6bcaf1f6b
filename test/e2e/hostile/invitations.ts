import { expect } from "bun:test"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { INVITATION_BYTES, KEY_BYTES } from "../../../src/limits.ts"
import type { accounts } from "../../../src/wire/as/accounts.ts"
import { as } from "../../../src/wire/as.ts"
import { dayOf, makeInvitation, parseInvitation } from "../../../src/wire/invitation.ts"
import { flipBit } from "../../as/fixtures.ts"
import { cinder } from "../../cli/process.ts"
import type { Homeserver } from "../homeserver.ts"
import { Person } from "../person.ts"
import { variants } from "./parts.ts"
import type { AttackTable } from "./siege.ts"

/** Codes that the operator of a server makes. */
export async function inviteTo({ secretsFile }: Homeserver, count: number): Promise<string[]> {
  const { code, stdout } = await cinder(["invite", "--secrets", secretsFile, "--count", `${count}`])
  expect(code).toBe(0)
  return stdout.trim().split("\n")
}

/** The last request of a registration by this code, which has not been sent. */
export async function unfinishedRegistration({ url }: Homeserver, invitation: string): Promise<Uint8Array> {
  const requests: Uint8Array[] = []
  const registered = Person.register({
    url,
    invitation,
    patienceMilliseconds: 0,
    fetch: async (to, request) => {
      if (to.pathname !== as.finishRegistration.path) return await fetch(to, request)
      requests.push(Uint8Array.from(request.body as Uint8Array))
      throw new TypeError("the network is gone")
    },
  })
  await expect(registered).rejects.toMatchObject({ code: "client.unreachable" })
  const [request] = requests
  if (request === undefined) throw new Error("it did not get that far")
  return request
}

type Invited = Pick<AttackTable<typeof accounts>, "initRegistration" | "finishRegistration">

/** What registration by invitation is attacked with. `late`: the last request of who came with the used code as well. */
export function invitationAttacks(used: string, late: Uint8Array): Invited {
  const days = dayOf(Date.now() / 1000) + 30
  return {
    initRegistration: (forger) => ({
      "as.invitation-required": { "no code": forger.params({ invitation: null }) },
      "as.invalid-invitation": variants(forger, "invitation", {
        "a used one": parseInvitation(used),
        "a changed one": flipBit(forger.claimed["invitation"] as Uint8Array, 0),
        "one that is good for longer": flipBit(forger.claimed["invitation"] as Uint8Array, 8 * 17),
        "another server's": makeInvitation(crypto, crypto.random(KEY_BYTES), days),
        "any bytes": crypto.random(INVITATION_BYTES),
      }),
    }),

    finishRegistration: () => ({
      "as.invalid-invitation": { "a code that was used meanwhile": late },
    }),
  }
}
