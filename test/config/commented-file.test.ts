import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { commentedFile } from "../../src/config/commented-file.ts"
import { resolveConfig } from "../../src/config/config.ts"
import { settingNames, settings } from "../../src/config/settings.ts"

const given = {
  data: "/srv/cinder",
  domain: "example.org",
  secrets: "/srv/cinder.secrets",
  registration: "invitation",
}
const derived = { "public-url": "https://example.org", "admin-socket": "/srv/cinder.admin" }

function configOf(file: object) {
  return resolveConfig({
    flags: {},
    environment: {},
    file: file as Record<string, unknown>,
    workingDirectory: "/",
  })
}

describe("a commented configuration file", () => {
  test("sets what is given, and nothing else", () => {
    expect(Bun.TOML.parse(commentedFile(given, derived))).toEqual(given)
  })

  test("shows every setting with its meaning, and in comments the values that they have anyway", () => {
    const text = commentedFile(given, derived)
    const flowing = text.replaceAll("\n# ", " ")
    for (const name of settingNames) expect(flowing).toContain(settings[name].description as string)
    const whole = Bun.TOML.parse(text.replaceAll(/^# ([a-z-]+ = )/gm, "$1"))
    expect(Object.keys(whole).sort()).toEqual([...settingNames].sort())
    expect(configOf(whole)).toEqual(configOf(given))
  })

  test("holds any text as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (data) => {
        expect(Bun.TOML.parse(commentedFile({ data }, {}))).toEqual({ data })
      }),
    )
  })
})
