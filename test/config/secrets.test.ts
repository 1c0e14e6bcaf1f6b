import { beforeEach, describe, expect, test } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { type Config, ConfigError, resolveConfig } from "../../src/config/config.ts"
import {
  decodeSecrets,
  encodeSecrets,
  makeSecrets,
  renewSecrets,
  wipeSecrets,
} from "../../src/config/secrets.ts"
import { obtainSecrets } from "../../src/config/secrets-file.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { CodecError } from "../../src/wire/tls.ts"

const NOW = 1_800_000_000
const YEAR = 365 * 86_400

let directory: string
let config: Config
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cinder-secrets-"))
  config = configFor("example.org")
})

function configFor(domain: string): Config {
  const flags = { data: "data", domain }
  return resolveConfig({ flags, environment: {}, file: {}, workingDirectory: directory }) as Config
}

const obtain = (c = config, now = NOW) => obtainSecrets(nativeCrypto, c, now)

function sentence(c = config): string {
  try {
    obtain(c)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return "no error"
}

describe("the secrets file", () => {
  test("is made on the first start, private, beside the data directory, and read on later ones", () => {
    const first = obtain()
    expect(first.created).toBe(true)
    expect(readdirSync(directory).sort()).toEqual(["data", "data.secrets"])
    expect(statSync(config.secretsFile).mode & 0o777).toBe(0o600)
    expect(statSync(config.dataDirectory).mode & 0o777).toBe(0o700)
    writeFileSync(join(config.dataDirectory, "as.sqlite"), "")
    expect(obtain()).toEqual({ secrets: first.secrets, created: false })
  })

  test("is never made anew for a data directory that is not empty", () => {
    obtain()
    writeFileSync(join(config.dataDirectory, "as.sqlite"), "")
    rmSync(config.secretsFile)
    expect(sentence()).toMatch(
      /^the secrets file .* is missing, but the data directory .* is not empty: restore/,
    )
    expect(existsSync(config.secretsFile)).toBe(false)
  })

  test("is refused when others can read it", () => {
    obtain()
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(config.secretsFile, mode)
      expect(sentence()).toContain("can be read by others: make it private with chmod 600")
    }
    chmodSync(config.secretsFile, 0o440)
    expect(obtain({ ...config, secretsManaged: true }).created).toBe(false)
  })

  test("is refused when it is another domain's", () => {
    obtain()
    expect(sentence(configFor("other.example"))).toContain(
      "is that of example.org, but domain is other.example",
    )
  })

  test("is refused when it is damaged anywhere, or cut", () => {
    obtain()
    const whole = readFileSync(config.secretsFile)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(whole)
        damaged[at] = (damaged[at] as number) ^ flip
        writeFileSync(config.secretsFile, damaged)
        expect(sentence()).toContain("is damaged, or not a secrets file")
        writeFileSync(config.secretsFile, whole.subarray(0, at))
        expect(sentence()).toContain("is damaged, or not a secrets file")
      }),
      { numRuns: 60 },
    )
  })

  test("gets a new intermediate in good time, and keeps the old one while it lives", () => {
    const { secrets } = obtain()
    expect(obtain(config, NOW + YEAR / 3).secrets).toEqual(secrets)
    const later = obtain(config, NOW + YEAR - 100 * 86_400).secrets
    expect(later.intermediates).toHaveLength(2)
    expect(later.intermediates[0]).toEqual(secrets.intermediates[0] as Uint8Array)
    expect(obtain(config, NOW + YEAR - 99 * 86_400).secrets).toEqual(later)
    expect(readdirSync(directory).sort()).toEqual(["data", "data.secrets"])
    expect(renewSecrets(nativeCrypto, later, NOW + YEAR + 200 * 86_400).intermediates).toHaveLength(2)
  })
})

describe("secrets", () => {
  test("are encoded in one form, which decodes to the same", () => {
    const secrets = makeSecrets(nativeCrypto, "example.org", NOW)
    const encoded = encodeSecrets(nativeCrypto, secrets)
    expect(decodeSecrets(nativeCrypto, encoded)).toEqual(secrets)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => decodeSecrets(nativeCrypto, bytes)).toThrow(CodecError)
        const sealed = Uint8Array.of(...bytes, ...nativeCrypto.sha256(bytes))
        expect(() => decodeSecrets(nativeCrypto, sealed)).toThrow(CodecError)
      }),
    )
  })

  test("differ between servers, and are gone when wiped", () => {
    const one = makeSecrets(nativeCrypto, "example.org", NOW)
    const other = makeSecrets(nativeCrypto, "example.org", NOW)
    expect(one.ticketKey).not.toEqual(other.ticketKey)
    expect(one.queueSlotKeys).not.toEqual(one.connectionSlotKeys)
    expect(one.opaqueSetup).not.toEqual(other.opaqueSetup)
    wipeSecrets(one)
    const { ticketKey, invitationKey, opaqueSetup, rootSeed, intermediateSeed } = one
    for (const key of [
      ...one.queueConfigKeys,
      ticketKey,
      invitationKey,
      opaqueSetup,
      rootSeed,
      intermediateSeed,
    ])
      expect(key.every((byte) => byte === 0)).toBe(true)
  })
})
