import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import p256 from "./rfc9180-p256.json"

/** The vector runner as its user sees it: its own process, its output and its exit code. */

const root = mkdtempSync(join(tmpdir(), "cinder-vectors-"))
afterAll(() => rmSync(root, { recursive: true }))

/** RFC 5869 test case 1, in Wycheproof's form. */
const hkdfCase = {
  tcId: 1,
  ikm: "0b".repeat(22),
  salt: "000102030405060708090a0b0c",
  info: "f0f1f2f3f4f5f6f7f8f9",
  size: 42,
  okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  result: "valid",
}

function wycheproof(algorithm: string, schema: string, tests: readonly unknown[]): unknown {
  return { algorithm, schema, testGroups: [{ type: "Test", tests }] }
}

const hkdf = (...tests: readonly unknown[]) => wycheproof("HKDF-SHA-256", "hkdf_test_schema_v1.json", tests)

/** Runs over a directory that holds these files. */
function run(files: Readonly<Record<string, unknown>>): { code: number; lines: string[]; last: string } {
  const directory = mkdtempSync(join(root, "run-"))
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
  }
  return start(directory)
}

function start(...directories: readonly string[]): { code: number; lines: string[]; last: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    process.execPath,
    join(import.meta.dir, "run.ts"),
    ...directories,
  ])
  const lines = `${stdout.toString()}${stderr.toString()}`.trimEnd().split("\n")
  return { code: exitCode, lines, last: lines.at(-1) ?? "" }
}

describe("the vector runner", () => {
  test("recognises a file by its content, wherever it is and whatever it is called", () => {
    const { code, last, lines } = run({ "deep/er/chacha_aes.json": hkdf(hkdfCase) })
    expect(last).toBe("1 passed, 0 failed, 0 skipped")
    expect(lines[0]).toContain("HKDF")
    expect(code).toBe(0)
  })

  test("names a failed case and exits with 1", () => {
    const wrong = { ...hkdfCase, tcId: 77, okm: `00${hkdfCase.okm.slice(2)}` }
    const { code, last, lines } = run({ "a.json": hkdf(hkdfCase, wrong) })
    expect(last).toBe("1 passed, 1 failed, 0 skipped")
    expect(lines.some((line) => line.startsWith("FAILED") && line.includes("tcId 77"))).toBe(true)
    expect(code).toBe(1)
  })

  test("a valid case marked invalid fails as well", () => {
    expect(run({ "a.json": hkdf({ ...hkdfCase, result: "invalid" }) }).last).toBe(
      "0 passed, 1 failed, 0 skipped",
    )
  })

  test("a file that is not JSON, lacks fields or has no cases is a failure that names it", () => {
    const { okm, ...incomplete } = hkdfCase
    expect(okm.length).toBe(84)
    const { code, last, lines } = run({
      "cut.json": JSON.stringify(hkdf(hkdfCase)).slice(0, -10),
      "empty.json": "",
      "incomplete.json": hkdf(incomplete),
      "none.json": hkdf(),
      "malformed.json": { algorithm: "HKDF-SHA-256", schema: "hkdf_test_schema_v1.json", testGroups: [1] },
    })
    expect(last).toBe("0 passed, 5 failed, 0 skipped")
    for (const name of ["cut", "empty", "incomplete", "none", "malformed"]) {
      expect(lines.some((line) => line.startsWith("FAILED") && line.includes(`${name}.json`))).toBe(true)
    }
    expect(code).toBe(1)
  })

  test("a file that is damaged in one place is not unknown: the rest of it is run", () => {
    const damaged = [...p256, null, {}]
    const { code, last, lines } = run({ "a.json": damaged })
    expect(last).toBe("7 passed, 2 failed, 0 skipped")
    for (const index of [1, 2]) expect(lines.some((line) => line.includes(`vector ${index}`))).toBe(true)
    expect(code).toBe(1)
  })

  test("a file that is not there any more is a failure that names it", () => {
    const directory = mkdtempSync(join(root, "run-"))
    symlinkSync(join(directory, "nowhere"), join(directory, "gone.json"))
    const { last, lines } = start(directory)
    expect(last).toBe("0 passed, 1 failed, 0 skipped")
    expect(lines[0]).toContain("gone.json: cannot be read")
  })

  test("a file that nobody recognises is counted as skipped and named; what is not .json is left alone", () => {
    const { code, last, lines } = run({
      "hkdf_sha256_test.json": { some: "thing" },
      "b.json": [],
      "readme.txt": "x",
    })
    expect(last).toBe("0 passed, 0 failed, 2 skipped")
    expect(
      lines.some((line) => line.includes("hkdf_sha256_test.json") && line.includes("not recognised")),
    ).toBe(true)
    expect(lines.join("\n")).not.toContain("readme.txt")
    expect(code).toBe(0)
  })

  test("a skipped case has its reason said once, with a count", () => {
    const sha512 = wycheproof("HKDF-SHA-512", "hkdf_test_schema_v1.json", [hkdfCase, hkdfCase])
    const { last, lines } = run({ "c.json": sha512 })
    expect(last).toBe("0 passed, 0 failed, 2 skipped")
    expect(lines.filter((line) => line.includes("not implemented"))).toEqual([
      "skipped 2: Wycheproof: HKDF-SHA-512 (hkdf_test_schema_v1.json) is not implemented",
    ])
  })

  test("a missing directory or none at all is said and exits with 2", () => {
    const missing = start(join(root, "nowhere"))
    expect(missing.code).toBe(2)
    expect(missing.last).toContain("no such directory")
    expect(start().code).toBe(2)
  })
})
