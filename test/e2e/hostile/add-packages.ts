import { freshQueueConfig } from "../../../src/client/leaves.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { KEY_BYTES, KEY_PACKAGE_SECONDS_MAX } from "../../../src/limits.ts"
import type { Params } from "../../../src/wire/endpoint.ts"
import type { qs } from "../../../src/wire/qs.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../../../src/wire/queue-config.ts"
import { flipBit } from "../../as/fixtures.ts"
import { type KeyPackageChanges, keyPackageWith } from "../../qs/key-package.ts"
import { DOMAIN } from "../homeserver.ts"
import type { QueueOwner } from "./neighbour.ts"

export type AddPackages = Params<typeof qs.publishAddPackages>["addPackages"]
type AddPackage = AddPackages[number]

const { random } = crypto
const now = () => Math.floor(Date.now() / 1000)

function configOf(owner: QueueOwner, domain = DOMAIN): Uint8Array {
  return freshQueueConfig(crypto, { ...owner, domain })
}

function leadingTo(config: Uint8Array, changes: KeyPackageChanges = {}, lastResort = false): AddPackage {
  const extensions = [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: config }]
  if (lastResort) extensions.push({ type: LAST_RESORT_EXTENSION_TYPE, data: new Uint8Array(0) })
  return {
    keyPackage: keyPackageWith(now(), { extensions, ...changes }),
    encryptedCredential: random(500),
  }
}

/** Made as the hostile ones are, and nothing is wrong with them. */
export function handMadeAddPackages(owner: QueueOwner): AddPackages {
  return [leadingTo(configOf(owner), {}, true), leadingTo(configOf(owner))]
}

/** What is wrong with the bytes. */
function changedPackages({ keyPackage, encryptedCredential }: AddPackage): Record<string, AddPackage> {
  const changed = {
    "a changed signature": flipBit(keyPackage, 8 * keyPackage.length - 1),
    "bytes that are none": random(keyPackage.length),
    "a byte": Uint8Array.of(0),
    half: keyPackage.subarray(0, keyPackage.length / 2),
    "a byte too much": Uint8Array.of(...keyPackage, 0),
  }
  const entries = Object.entries(changed)
  return Object.fromEntries(entries.map(([why, bytes]) => [why, { keyPackage: bytes, encryptedCredential }]))
}

/** What is wrong with what they say. */
function wrongPackages(owner: QueueOwner, neighbour: QueueOwner): Record<string, AddPackage> {
  const [config, qs] = [configOf(owner), owner.qs]
  return {
    "over already": leadingTo(config, { notAfter: now() - 5 }),
    "of too long a life": leadingTo(config, { notAfter: now() + KEY_PACKAGE_SECONDS_MAX }),
    "without a queue": leadingTo(config, { extensions: [] }),
    "with a queue of another domain": leadingTo(configOf(owner, "other.example")),
    "with somebody else's queue": leadingTo(configOf(neighbour)),
    "with somebody else's queue, signed by the own key": leadingTo(configOf({ ...owner, qs: neighbour.qs })),
    "with the own queue, signed by somebody else": leadingTo(configOf({ ...neighbour, qs })),
    "with a queue sealed to another key": leadingTo(
      configOf({ ...owner, qs: { ...qs, configKey: crypto.x25519Public(random(KEY_BYTES)) } }),
    ),
    "with no queue config": leadingTo(random(100)),
    "another of last resort": leadingTo(config, {}, true),
  }
}

/** Lists that must not be published, by what is wrong. `real` is what the owner publishes, the last resort first. */
export function hostileAddPackages(
  real: AddPackages,
  owner: QueueOwner,
  neighbour: { readonly addPackages: AddPackages; readonly queueOwner: QueueOwner },
): Record<string, AddPackages> {
  const [lastResort, normal] = real as [AddPackage, AddPackage]
  const initKey = crypto.x25519Public(random(KEY_BYTES))
  const ones = { ...changedPackages(normal), ...wrongPackages(owner, neighbour.queueOwner) }
  return {
    ...Object.fromEntries(Object.entries(ones).map(([why, one]) => [why, [lastResort, one]])),
    "somebody else's": neighbour.addPackages,
    "one of somebody else's": [lastResort, ...neighbour.addPackages.slice(1, 2)],
    "one init key in two": [lastResort, ...[1, 2].map(() => leadingTo(configOf(owner), { initKey }))],
    "one twice": [lastResort, normal, normal],
    "the last resort twice": [lastResort, lastResort],
    "no last resort": real.slice(1),
  }
}
