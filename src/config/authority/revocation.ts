import type { CryptoProvider } from "../../crypto/provider.ts"
import {
  AS_CREDENTIAL_SECONDS,
  CLIENT_CREDENTIAL_SECONDS,
  CLIENT_ID_BYTES,
  HASH_BYTES,
  REVOCATIONS_MAX,
} from "../../limits.ts"
import { equal, fromHex } from "../../wire/bytes.ts"
import { credentialFingerprint, subjectFingerprint } from "../../wire/revocation.ts"
import { parseUserId, type UserId } from "../../wire/user-id.ts"
import { ConfigError } from "../config.ts"
import { intermediateEnd, rootEnd, withoutExpired } from "./rotation.ts"
import type { AuthoritySecrets, Revocation } from "./secrets.ts"

/** What an operator revokes. All times are seconds since 1970. */

/** Twice the life of a client credential: the running server learns of a revocation only when it is told to. */
const SUBJECT_SECONDS = 2 * CLIENT_CREDENTIAL_SECONDS

/**
 * The revocation of one credential, named by its SHA-256 in hexadecimal. Of one that is not the AS's own nobody knows
 * when it ends, so it is taken to live as long as any can.
 *
 * @throws ConfigError it is no fingerprint, or the credential is in use
 */
export function credentialRevocation(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  text: string,
  now: number,
): Revocation {
  const hex = text.replaceAll(":", "").toLowerCase()
  if (!/^[0-9a-f]*$/.test(hex) || hex.length !== 2 * HASH_BYTES)
    throw new ConfigError(
      `"${text}" is no fingerprint: it has 64 hexadecimal digits, as cinder keys show prints them`,
    )
  const fingerprint = fromHex(hex)
  const isIt = (credential: Uint8Array) => equal(credentialFingerprint(crypto, credential), fingerprint)
  requireReplaced(authority, isIt)
  const root = authority.roots.find(isIt)
  if (root !== undefined) return { fingerprint, notAfter: rootEnd(root) }
  const intermediate = authority.intermediates.find(isIt)
  if (intermediate !== undefined) return { fingerprint, notAfter: intermediateEnd(intermediate) }
  return { fingerprint, notAfter: now + AS_CREDENTIAL_SECONDS }
}

/** Without these nothing that the server issues would verify. */
function requireReplaced(
  { roots, intermediates }: AuthoritySecrets,
  isIt: (credential: Uint8Array) => boolean,
): void {
  if (intermediates.slice(-1).some(isIt))
    throw new ConfigError("this intermediate signs clients now: make another one before it is revoked")
  if (roots.slice(-1).some(isIt))
    throw new ConfigError("the intermediates in use are of this root: make another root before it is revoked")
}

/**
 * The revocation of all clients of a user, named `uuid@domain`: whatever was or will be issued to them.
 *
 * @throws ConfigError it is no user of this domain
 */
export function userRevocation(
  crypto: CryptoProvider,
  text: string,
  domain: string,
  now: number,
): Revocation {
  const id = parsedUser(text)
  if (id?.domain !== domain)
    throw new ConfigError(`"${text}" is no user of this server: a user id is a UUID followed by @${domain}`)
  return { fingerprint: subjectFingerprint(crypto, id.user), notAfter: now + SUBJECT_SECONDS }
}

function parsedUser(text: string): UserId | undefined {
  try {
    return parseUserId(text)
  } catch {
    return undefined
  }
}

/**
 * The revocation of one client, named by its client id in hexadecimal: whatever was or will be issued to it.
 *
 * @throws ConfigError it is no client id
 */
export function clientRevocation(crypto: CryptoProvider, text: string, now: number): Revocation {
  if (!/^[0-9a-fA-F]*$/.test(text) || text.length !== 2 * CLIENT_ID_BYTES)
    throw new ConfigError(`"${text}" is no client id: it has ${2 * CLIENT_ID_BYTES} hexadecimal digits`)
  return { fingerprint: subjectFingerprint(crypto, fromHex(text)), notAfter: now + SUBJECT_SECONDS }
}

/**
 * With one more revocation; one that is there already stays as it is, or lasts longer.
 *
 * @throws ConfigError there are too many
 */
export function withRevocation(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  revocation: Revocation,
  now: number,
): AuthoritySecrets {
  const { revocations, ...rest } = withoutExpired(crypto, authority, now)
  const others = revocations.filter(({ fingerprint }) => !equal(fingerprint, revocation.fingerprint))
  const same = revocations.find(({ fingerprint }) => equal(fingerprint, revocation.fingerprint))
  const notAfter = Math.max(revocation.notAfter, same?.notAfter ?? 0)
  if (others.length >= REVOCATIONS_MAX)
    throw new ConfigError(`there are ${REVOCATIONS_MAX} revocations, and no more are published`)
  return { ...rest, revocations: [...others, { fingerprint: revocation.fingerprint, notAfter }] }
}
