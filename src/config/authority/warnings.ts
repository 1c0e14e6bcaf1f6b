import { AS_INTERMEDIATE_CREDENTIAL_SECONDS } from "../../limits.ts"
import { formatTime } from "./description.ts"
import { intermediateEnd, rootEnd } from "./rotation.ts"
import type { AuthoritySecrets } from "./secrets.ts"

const DAY_SECONDS = 86_400
const INTERMEDIATE_WARNING_SECONDS = 60 * DAY_SECONDS
/** From then on, intermediates live shorter than they should. */
const ROOT_WARNING_SECONDS = AS_INTERMEDIATE_CREDENTIAL_SECONDS + INTERMEDIATE_WARNING_SECONDS

/**
 * What the operator should do before long so that clients can go on to register and renew, one sentence each. `file` is
 * the secrets file; `managed` if the server may not write it. `now` in seconds.
 */
export function authorityWarnings(
  { roots, rootSeed, intermediates }: AuthoritySecrets,
  { file, managed }: { readonly file: string; readonly managed: boolean },
  now: number,
): string[] {
  const warnings: string[] = []
  const [root, intermediate] = [roots.at(-1), intermediates.at(-1)]
  const copy = managed ? " on the file that the service manager's credential was made from" : ""
  if (intermediate !== undefined && intermediateEnd(intermediate) - now < INTERMEDIATE_WARNING_SECONDS) {
    const end = ending("the intermediate that signs clients", intermediateEnd(intermediate), now)
    const remedy =
      rootSeed === undefined
        ? `its root is offline: run cinder keys request --secrets ${file} --out cinder.request${copy}, sign it where the root is, and install it`
        : `run cinder keys rotate --secrets ${file}${copy}`
    warnings.push(`${end}, and then nobody can register or renew; ${remedy}`)
  }
  if (root !== undefined && rootEnd(root) - now < ROOT_WARNING_SECONDS) {
    const end = ending("the root", rootEnd(root), now)
    const remedy =
      rootSeed === undefined
        ? "make one with cinder keys root --endorsed-by where the root is, and sign the next request with it"
        : `run cinder keys rotate --new-root --secrets ${file}${copy}`
    warnings.push(`${end}, and clients need time to learn of another one; ${remedy}`)
  }
  return warnings
}

function ending(what: string, end: number, now: number): string {
  if (end < now) return `${what} has ended on ${formatTime(end)}`
  return `${what} ends on ${formatTime(end)}, in ${Math.ceil((end - now) / DAY_SECONDS)} days`
}
