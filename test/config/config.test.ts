import { describe, expect, test } from "bun:test"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Config, ConfigError, type ConfigSources, resolveConfig } from "../../src/config/config.ts"
import { readConfigFile } from "../../src/config/file.ts"

const given = { data: "data", domain: "example.org" }
const none: ConfigSources = { flags: {}, environment: {}, file: {}, workingDirectory: "/srv" }

function config(sources: Partial<ConfigSources>): Config {
  const resolved = resolveConfig({ ...none, ...sources })
  if (resolved instanceof ConfigError) throw resolved
  return resolved
}

function sentences(sources: Partial<ConfigSources>): readonly string[] {
  const resolved = resolveConfig({ ...none, ...sources })
  return resolved instanceof ConfigError ? resolved.sentences : []
}

describe("configuration", () => {
  test("needs a directory and a domain; the rest has defaults", () => {
    expect(config({ flags: given })).toEqual({
      dataDirectory: "/srv/data",
      secretsFile: "/srv/data.secrets",
      secretsManaged: false,
      domain: "example.org",
      host: "127.0.0.1",
      port: 8080,
      publicUrl: "https://example.org",
      tls: undefined,
      adminSocket: "/srv/data.admin",
      metrics: undefined,
      invitationRequired: false,
      scrubDelayMilliseconds: 200,
      resealMilliseconds: 1_800_000,
      padding: { kind: "doubling", unitBytes: 4096, percentile: 8 },
      groupExpiryMonths: 12,
      inactiveMemberMonths: 3,
      rateLimit: true,
      tokenAllowance: 5000,
      clientRetentionMonths: 3,
      pushPrivateAddresses: false,
      demo: false,
    })
  })

  test("comes from flags before the environment before the file", () => {
    const file = { ...given, port: 1, host: "file", "padding-unit": 8192 }
    const environment = { CINDER_PORT: "2", CINDER_HOST: "environment", CINDER_SCRUB_DELAY_MS: "0" }
    const all = config({ file, environment, flags: { port: "3" } })
    expect([all.port, all.host, all.padding.unitBytes, all.scrubDelayMilliseconds]).toEqual([
      3,
      "environment",
      8192,
      0,
    ])
  })

  test("lets everybody register, or asks for invitations", () => {
    const registration = (value: string) => ({ flags: { ...given, registration: value } })
    expect(config(registration("open")).invitationRequired).toBe(false)
    expect(config(registration("invitation")).invitationRequired).toBe(true)
    for (const other of ["", "closed", "open,invitation", "INVITATION"]) {
      const [sentence] = sentences(registration(other))
      expect(sentence).toStartWith("registration must be open, so that everybody can register, or invitation")
    }
  })

  test("puts the secrets where the service manager has them", () => {
    const environment = { CREDENTIALS_DIRECTORY: "/run/credentials/cinder" }
    const managed = config({ flags: given, environment })
    expect([managed.secretsFile, managed.secretsManaged]).toEqual([
      "/run/credentials/cinder/cinder.secrets",
      true,
    ])
    const own = config({ flags: { ...given, secrets: "own" }, environment })
    expect([own.secretsFile, own.secretsManaged]).toEqual(["/srv/own", false])
  })

  test("refuses secrets inside the data directory", () => {
    for (const secrets of ["data/x", "/srv/data/a/b", "/srv/data", "other/../data/x"])
      expect(sentences({ flags: { ...given, secrets } })[0]).toContain("outside the data directory")
    expect(config({ flags: { ...given, secrets: "data.secrets/x" } }).secretsFile).toBe("/srv/data.secrets/x")
  })

  test("takes a certificate and its key together, and refuses one alone and keys inside the data directory", () => {
    const tls = (certificate: string, key: string) => ({
      flags: { ...given, "tls-certificate": certificate, "tls-key": key },
    })
    expect(config(tls("server.pem", "/etc/server.key")).tls).toEqual({
      certificateFile: "/srv/server.pem",
      keyFile: "/etc/server.key",
      keyManaged: false,
    })
    const environment = { CREDENTIALS_DIRECTORY: "/run/credentials/cinder" }
    const managed = tls("server.pem", "/run/credentials/cinder/tls.key")
    expect(config({ ...managed, environment }).tls?.keyManaged).toBeTrue()
    expect(config(tls("none", "none")).tls).toBeUndefined()
    for (const one of [tls("server.pem", "none"), tls("none", "server.key")])
      expect(sentences(one)).toEqual(["tls-certificate and tls-key belong together: set both, or neither"])
    expect(sentences(tls("server.pem", "data/server.key"))[0]).toContain("outside the data directory")
  })

  test("has metrics where a port is set, and its admin socket outside the data", () => {
    expect(config({ flags: { ...given, "metrics-port": "9464" } }).metrics).toEqual({
      host: "127.0.0.1",
      port: 9464,
    })
    expect(config({ flags: { ...given, "admin-socket": "run/admin" } }).adminSocket).toBe("/srv/run/admin")
    expect(sentences({ flags: { ...given, "admin-socket": "data/admin" } })[0]).toContain(
      "outside the data directory",
    )
    expect(sentences({ flags: { ...given, "metrics-port": "65536" } })).toHaveLength(1)
  })

  test("tells all mistakes at once, in sentences that name value and place", () => {
    expect(
      sentences({ flags: { port: "http" }, environment: { CINDER_DOMAIN: "no domain" }, file: { prot: 1 } }),
    ).toEqual([
      expect.stringMatching(/^the file's prot is not a setting; settings are data, domain, /),
      expect.stringMatching(/^data must be .*; it is missing \(set --data or CINDER_DATA\)$/),
      'domain must be a host name in lower case, such as example.org; it is "no domain" (from CINDER_DOMAIN)',
      'port must be a whole number from 0 to 65535, where 0 picks a free port; it is "http" (from --port)',
    ])
  })

  test("knows host names from everything else", () => {
    for (const domain of [
      "example.org",
      "localhost",
      "a",
      "x1.y-2.example",
      "xn--bcher-kva.example",
      "1a.2b",
    ])
      expect(config({ flags: { ...given, domain } }).domain).toBe(domain)
    for (const domain of [
      "",
      "Example.org",
      "example.org.",
      ".org",
      "a..b",
      "-a.org",
      "a-.org",
      "127.0.0.1",
      "a b",
      "a/b",
      "a:1",
      "a@b",
      "é.org",
      "a\n",
      `${"a".repeat(64)}.org`,
      `${"a.".repeat(127)}org`,
    ])
      expect(sentences({ flags: { ...given, domain } })).toHaveLength(1)
  })

  test("refuses numbers out of bounds and things that are no numbers", () => {
    for (const port of ["-1", "65536", "1.5", "0x10", "", "1e3", " 1", true, 70_000])
      expect(sentences({ flags: { ...given, port } })).toHaveLength(1)
    for (const unit of ["4095", "1048577"])
      expect(sentences({ flags: { ...given, "padding-unit": unit } })).toHaveLength(1)
    for (const percentile of ["0", "11", "8.5"])
      expect(sentences({ flags: { ...given, "padding-percentile": percentile } })).toHaveLength(1)
    for (const padding of ["", "none", "doubling ", "Doubling", 4096])
      expect(sentences({ flags: { ...given, padding } })).toHaveLength(1)
    for (const url of ["example.org", "https://a/b", "ftp://a", "https://"])
      expect(sentences({ flags: { ...given, "public-url": url } })).toHaveLength(1)
  })
})

describe("a configuration file", () => {
  const directory = mkdtempSync(join(tmpdir(), "cinder-config-"))
  const write = (name: string, content: string) => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }

  test("is TOML or JSON", () => {
    expect(readConfigFile(write("a.toml", 'domain = "example.org"\nport = 1\n'))).toEqual({
      domain: "example.org",
      port: 1,
    })
    expect(readConfigFile(write("a.json", '{"domain":"example.org"}'))).toEqual({ domain: "example.org" })
  })

  test("that is something else is refused with a sentence", () => {
    expect(() => readConfigFile(join(directory, "none"))).toThrow("cannot be read")
    expect(() => readConfigFile(write("b.toml", "= ="))).toThrow("is not valid TOML")
    expect(() => readConfigFile(write("b.json", "{"))).toThrow("is not valid JSON")
    expect(() => readConfigFile(write("c.json", "[1]"))).toThrow("must name settings")
  })
})
