import type { CryptoProvider } from "../crypto/provider.ts"
import { KEY_BYTES, SECRET_GENERATIONS_MAX } from "../limits.ts"
import { ConfigError } from "./config.ts"
import type { Secrets } from "./secrets.ts"

/**
 * Rotation of the server's secrets. It takes effect with the next start, and no message is lost by it:
 *
 * - `queueConfigKeys`, `queueSlotKeys`, `connectionSlotKeys` get a new last one. Those before it go on opening what they
 *   sealed, until they are retired.
 * - `ticketKey` is replaced. Tickets that do not open any more stand for a queue config, which is opened instead.
 * - `queueSigningSeed` is replaced: nothing that it signed is kept.
 * - `pushSeed` is replaced: clients learn of messages when they ask, until they subscribe anew.
 */
export type RotatedSecret = RotatedKeys | "ticketKey" | "queueSigningSeed" | "pushSeed"

/** Secrets of which older ones are kept. */
export type RotatedKeys = "queueConfigKeys" | "queueSlotKeys" | "connectionSlotKeys"

/** @throws ConfigError there are so many already that some must be retired first */
export function rotateSecret(crypto: CryptoProvider, secrets: Secrets, name: RotatedSecret): Secrets {
  const fresh = crypto.random(KEY_BYTES)
  const current = secrets[name]
  if (current instanceof Uint8Array) return { ...secrets, [name]: fresh }
  if (current.length >= SECRET_GENERATIONS_MAX) {
    throw new ConfigError(
      `there are ${SECRET_GENERATIONS_MAX} generations of this key, which is the most there can be: retire the old ones first`,
    )
  }
  return { ...secrets, [name]: [...current, fresh] }
}

/**
 * Forgets all of these keys but the last, and with them whatever only they open. For slot keys that is nothing once the
 * server has run for a day or two with the last one: its sweeps seal everything anew. For queue config keys it is the
 * queue configs, in groups and AddPackages, of clients that have not replaced them since.
 */
export function retireKeys(secrets: Secrets, name: RotatedKeys): Secrets {
  return { ...secrets, [name]: secrets[name].slice(-1) }
}
