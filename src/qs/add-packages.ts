import type { Static } from "@sinclair/typebox"
import { ID_BYTES } from "../limits.ts"
import { expectPresent } from "../store/database.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { AddPackage, addPackages as operations } from "../wire/qs/add-packages.ts"
import { decodeAddPackageBody, encodeAddPackageBody } from "./add-package-body.ts"
import { checkAddPackages } from "./add-package-rules.ts"
import type { QsParts } from "./parts.ts"
import {
  clientsOf,
  lastResort,
  normalAddPackage,
  removeAddPackage,
  replaceAddPackages,
  userOfToken,
} from "./store.ts"
import { clients } from "./tables.ts"

/** Publication of AddPackages, and handing them out to friends (PROTOCOL.md section 6.3). */
export function addPackageHandlers(parts: QsParts): Handlers<typeof operations> {
  const { authentication, change, claims, configs, crypto, seconds, store } = parts
  return {
    async publishAddPackages(call) {
      const { id: client, params } = authentication.client(call)
      const checked = await checkAddPackages(crypto, configs, client, params.addPackages, BigInt(seconds()))
      const rows = checked.map(({ content, lastResort }) => ({
        client_id: client,
        last_resort: lastResort ? 1 : 0,
        id: crypto.random(ID_BYTES),
        body: encodeAddPackageBody(content),
      }))
      await store.writer.submit({
        expects: [expectPresent(clients, { id: client })],
        effects: (view) => replaceAddPackages(view, client, rows),
      })
      return {}
    },

    /**
     * The packages are chosen in the order of acceptance, among what earlier claims have left: so no two claims get the
     * same one, and none has to be repeated. When the token's claims have used up as many as they may for now, the
     * packages of last resort are handed out and the others kept.
     */
    async claimAddPackages({ friendshipToken }) {
      const tokenHash = crypto.sha256(friendshipToken)
      const claimed: Static<typeof AddPackage>[] = []
      await change((view) => {
        const user = userOfToken(view, tokenHash)
        if (user === undefined) throw new Problem("qs.no-add-package")
        const mayConsume = claims.take(tokenHash)
        const rows = clientsOf(view, user).flatMap((client) => {
          const normal = mayConsume ? normalAddPackage(view, client, crypto.random(ID_BYTES)) : undefined
          return normal ?? lastResort(view, client) ?? []
        })
        if (rows.length === 0) throw new Problem("qs.no-add-package")
        for (const { body } of rows) claimed.push(decodeAddPackageBody(body))
        return rows.filter(({ last_resort }) => last_resort === 0).map(removeAddPackage)
      })
      return { addPackages: claimed }
    },
  }
}
