import { beforeEach, describe, expect, test } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Config, ConfigError, resolveConfig } from "../../src/config/config.ts"
import { periodKeys } from "../../src/config/period-file.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"

let directory: string
let config: Config
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cinder-day-"))
  config = configWith({})
  file = `${config.secretsFile}.day`
})

function configWith(environment: Readonly<Record<string, string>>): Config {
  const flags = { data: "data", domain: "example.org" }
  return resolveConfig({ flags, environment, file: {}, workingDirectory: directory }) as Config
}

const open = () => periodKeys(crypto, config)

describe("the key of a day", () => {
  test("is not there at first; what is kept is what the next start finds, private and outside the data", () => {
    expect(open().kept).toBeUndefined()
    const first = { period: 20_000, key: crypto.random(32) }
    open().keep(first)
    expect(open().kept).toEqual(first)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const next = { period: 20_001, key: crypto.random(32) }
    open().keep(next)
    expect(open().kept).toEqual(next)
    expect(readFileSync(file).includes(Buffer.from(first.key))).toBeFalse()
    expect(readdirSync(directory)).toEqual(["data.secrets.day"])
  })

  test("that is damaged is as good as none", () => {
    open().keep({ period: 1, key: crypto.random(32) })
    const whole = readFileSync(file)
    for (const damaged of [
      whole.subarray(1),
      whole.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
      Buffer.alloc(0),
    ]) {
      writeFileSync(file, damaged)
      expect(open().kept).toBeUndefined()
    }
    open().keep({ period: 2, key: new Uint8Array(32).fill(7) })
    expect(open().kept).toEqual({ period: 2, key: new Uint8Array(32).fill(7) })
  })

  test("is refused when others can read it", () => {
    open().keep({ period: 1, key: crypto.random(32) })
    chmodSync(file, 0o644)
    expect(open).toThrow(ConfigError)
  })

  test("is in memory alone where the service manager holds the secrets", () => {
    config = configWith({ CREDENTIALS_DIRECTORY: directory })
    open().keep({ period: 1, key: crypto.random(32) })
    expect(open().kept).toBeUndefined()
    expect(existsSync(`${config.secretsFile}.day`)).toBeFalse()
  })
})
