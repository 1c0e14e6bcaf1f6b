import { beforeEach, describe, expect, test } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { type AuthoritySecrets, emptyAuthority } from "../../src/config/authority/secrets.ts"
import { type Config, ConfigError, resolveConfig } from "../../src/config/config.ts"
import {
  authorityOf,
  decodeSecrets,
  encodeSecrets,
  makeSecrets,
  wipeSecrets,
  withAuthority,
} from "../../src/config/secrets.ts"
import { changeAuthority, createSecrets, obtainSecrets } from "../../src/config/secrets-file.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { CodecError } from "../../src/wire/tls.ts"

const NOW = 1_800_000_000
const DAY = 86_400
const YEAR = 365 * DAY

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

const change = (make: (authority: AuthoritySecrets) => AuthoritySecrets) =>
  changeAuthority(nativeCrypto, config.secretsFile, (authority) => ({
    authority: make(authority),
    result: undefined,
  }))

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
    const first = authorityOf(obtain().secrets)
    const at = (now: number) => authorityOf(obtain(config, now).secrets)
    expect(at(NOW + YEAR / 3)).toEqual(first)
    const later = at(NOW + YEAR - 100 * DAY)
    expect(later.intermediates).toHaveLength(2)
    expect(later.intermediates[0]).toEqual(first.intermediates[0] as Uint8Array)
    expect(later.intermediateSeed).not.toEqual(first.intermediateSeed)
    expect(at(NOW + YEAR - 99 * DAY)).toEqual(later)
    expect(readdirSync(directory).sort()).toEqual(["data", "data.secrets"])
    const last = at(NOW + YEAR + 200 * DAY)
    expect(last.intermediates).toHaveLength(2)
    expect(last.intermediates[0]).toEqual(later.intermediates[1] as Uint8Array)
  })

  test("is left alone by a server when the service manager made it, or when the root is not in it", () => {
    obtain()
    const before = readFileSync(config.secretsFile)
    obtain({ ...config, secretsManaged: true }, NOW + YEAR - 10 * DAY)
    expect(readFileSync(config.secretsFile).equals(before)).toBe(true)
    change((authority) => ({ ...authority, rootSeed: undefined }))
    const offline = readFileSync(config.secretsFile)
    obtain(config, NOW + YEAR - 10 * DAY)
    expect(readFileSync(config.secretsFile).equals(offline)).toBe(true)
  })

  test("is refused while it has no intermediate", () => {
    const secrets = withAuthority(makeSecrets(nativeCrypto, "example.org", NOW), emptyAuthority)
    createSecrets(nativeCrypto, config.secretsFile, secrets)
    expect(sentence()).toMatch(/has no intermediate yet.* cinder keys request.* sign.* install/)
  })

  test("is replaced whole: with its mode, and with the old one's bytes gone from the disk", () => {
    obtain()
    chmodSync(config.secretsFile, 0o400)
    const old = openSync(config.secretsFile, "r")
    const { rootSeed } = authorityOf(decodeSecrets(nativeCrypto, readFileSync(old)))
    change((authority) => ({ ...authority, rootSeed: undefined }))
    const replaced = Buffer.alloc(10_000)
    const length = readSync(old, replaced, 0, replaced.length, 0)
    expect(length).toBeGreaterThan(500)
    expect(replaced.equals(Buffer.alloc(10_000))).toBe(true)
    expect(readFileSync(config.secretsFile).includes(rootSeed as Uint8Array)).toBe(false)
    expect(statSync(config.secretsFile).mode & 0o777).toBe(0o400)
    expect(readdirSync(directory).sort()).toEqual(["data", "data.secrets"])
  })

  test("is not replaced when it was changed meanwhile, and not written when nothing changes", () => {
    obtain()
    const before = readFileSync(config.secretsFile)
    change((authority) => authority)
    expect(readFileSync(config.secretsFile).equals(before)).toBe(true)
    const interrupted = () =>
      change((authority) => {
        change((other) => ({ ...other, rootSeed: undefined }))
        return { ...authority, pendingSeed: new Uint8Array(32) }
      })
    expect(interrupted).toThrow("was changed meanwhile: try again")
    expect(authorityOf(obtain().secrets)).toMatchObject({ rootSeed: undefined, pendingSeed: undefined })
  })
})

describe("secrets", () => {
  test("are encoded in one form, which decodes to the same", () => {
    const secrets = makeSecrets(nativeCrypto, "example.org", NOW)
    const encoded = encodeSecrets(nativeCrypto, secrets)
    expect(decodeSecrets(nativeCrypto, encoded)).toEqual(secrets)
    expect(encodeSecrets(nativeCrypto, withAuthority(secrets, authorityOf(secrets)))).toEqual(encoded)
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
    const { rootSeed, intermediateSeed } = authorityOf(one)
    wipeSecrets(one)
    const { ticketKey, invitationKey, opaqueSetup } = one
    const seeds = [rootSeed as Uint8Array, intermediateSeed as Uint8Array]
    for (const key of [...one.queueConfigKeys, ticketKey, invitationKey, opaqueSetup, ...seeds])
      expect(key.every((byte) => byte === 0)).toBe(true)
  })
})
