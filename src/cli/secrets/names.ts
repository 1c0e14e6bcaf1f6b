import { ConfigError } from "../../config/config.ts"
import type { RotatedKeys, RotatedSecret } from "../../config/rotation.ts"

/** How the command line calls the secrets of which older ones are kept. */
export const KEPT_KEYS: Readonly<Record<string, RotatedKeys>> = {
  "queue-config-keys": "queueConfigKeys",
  "queue-slot-keys": "queueSlotKeys",
  "connection-slot-keys": "connectionSlotKeys",
}

/** How it calls all that can be rotated. */
export const ROTATED_SECRETS: Readonly<Record<string, RotatedSecret>> = {
  ...KEPT_KEYS,
  "ticket-key": "ticketKey",
  "queue-signing-seed": "queueSigningSeed",
  "push-seed": "pushSeed",
}

/** @throws ConfigError there is none of this name */
export function named<T>(names: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(names, name) ? names[name] : undefined
  if (found === undefined)
    throw new ConfigError(
      `${JSON.stringify(name)} is none of these secrets: ${Object.keys(names).join(", ")}`,
    )
  return found
}

export const RESTART_ADVICE = "It takes effect when the server starts anew: restart it now."
