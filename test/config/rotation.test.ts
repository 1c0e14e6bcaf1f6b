import { expect, test } from "bun:test"
import { ConfigError } from "../../src/config/config.ts"
import { type RotatedSecret, retireKeys, rotateSecret } from "../../src/config/rotation.ts"
import { decodeSecrets, encodeSecrets, makeSecrets, wipeSecrets } from "../../src/config/secrets.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { SECRET_GENERATIONS_MAX } from "../../src/limits.ts"

const generations = ["queueConfigKeys", "queueSlotKeys", "connectionSlotKeys"] as const
const replaced = ["ticketKey", "queueSigningSeed", "pushSeed"] as const

function secretsOf() {
  return makeSecrets(crypto, "example.org", 1_800_000_000)
}

function exceptFor(secrets: ReturnType<typeof secretsOf>, name: RotatedSecret) {
  return { ...secrets, [name]: undefined }
}

test("rotating one secret changes no other, and what comes out goes into a file and back", () => {
  for (const name of [...generations, ...replaced]) {
    const before = secretsOf()
    const after = rotateSecret(crypto, before, name)
    expect(after[name]).not.toEqual(before[name])
    expect(exceptFor(after, name)).toEqual(exceptFor(before, name))
    expect(decodeSecrets(crypto, encodeSecrets(crypto, after))).toEqual(after)
  }
})

test("keys that have sealed anything are kept before the new one, until they are retired", () => {
  for (const name of generations) {
    const [first] = secretsOf()[name]
    const before = { ...secretsOf(), [name]: [first] }
    const twice = rotateSecret(crypto, rotateSecret(crypto, before, name), name)
    expect(twice[name]).toHaveLength(3)
    expect(twice[name][0]).toEqual(first!)
    expect(retireKeys(twice, name)[name]).toEqual([twice[name][2]!])
    expect(exceptFor(retireKeys(twice, name), name)).toEqual(exceptFor(before, name))
  }
})

test("no key is dropped to make room for another", () => {
  for (const name of generations) {
    let secrets = secretsOf()
    for (let i = 1; i < SECRET_GENERATIONS_MAX; i++) secrets = rotateSecret(crypto, secrets, name)
    expect(() => rotateSecret(crypto, secrets, name)).toThrow(ConfigError)
    expect(secrets[name]).toHaveLength(SECRET_GENERATIONS_MAX)
    expect(rotateSecret(crypto, retireKeys(secrets, name), name)[name]).toHaveLength(2)
  }
})

test("all generations are gone when the secrets are wiped", () => {
  const secrets = rotateSecret(crypto, secretsOf(), "queueSlotKeys")
  wipeSecrets(secrets)
  expect(secrets.queueSlotKeys).toEqual([new Uint8Array(32), new Uint8Array(32)])
})
