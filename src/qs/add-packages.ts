import type { Static } from "@sinclair/typebox"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { AddPackage, addPackages as operations } from "../wire/qs/add-packages.ts"
import { decodeAddPackageBody, encodeAddPackageBody } from "./add-package-body.ts"
import { checkAddPackages } from "./add-package-rules.ts"
import type { QsParts } from "./parts.ts"
import { claimLastResort, claimNormal, clientsOf, replaceAddPackages, userOfToken } from "./store.ts"
import { clients } from "./tables.ts"

/** Publication of AddPackages, and handing them out to friends (docs/protocol.md section 6.3). */
export function addPackageHandlers(parts: QsParts): Handlers<typeof operations> {
  const { authentication, change, claims, configs, crypto, seconds } = parts
  return {
    async publishAddPackages(call) {
      const { id, params } = authentication.client(call)
      const { lastResort, normal } = await checkAddPackages(
        crypto,
        configs,
        id,
        params.addPackages,
        BigInt(seconds()),
      )
      const bodies = normal.map(encodeAddPackageBody)
      await change((view) => {
        const row = view.get(clients, { id })
        if (row === undefined) throw new Problem("auth.refused")
        return replaceAddPackages(row, encodeAddPackageBody(lastResort), bodies)
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
        const rows = clientsOf(user).flatMap((id) => view.get(clients, { id }) ?? [])
        const packages = rows.flatMap((client) => {
          const normal = mayConsume ? claimNormal(crypto, view, client) : undefined
          return normal ?? claimLastResort(view, client) ?? []
        })
        if (packages.length === 0) throw new Problem("qs.no-add-package")
        for (const { body } of packages) claimed.push(decodeAddPackageBody(body))
        return packages.flatMap(({ effects }) => effects)
      })
      return { addPackages: claimed }
    },
  }
}
