import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { auditDevice } from "../../src/audit/device.ts"
import { CannotLook } from "../../src/audit/evidence.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { cinder } from "../cli/process.ts"
import { findingOf, random } from "./databases.ts"

const directory = mkdtempSync(join(tmpdir(), "cinder-image-"))
afterAll(() => rmSync(directory, { recursive: true }))
const image = join(directory, "image")
const CHUNK = 4 * 1024 * 1024

/** What is found on a device of random bytes with these at these places. */
function placesOf(
  known: readonly Uint8Array[],
  written: readonly (readonly [number, Uint8Array])[],
): string[] {
  const bytes = Buffer.from(new Uint8Array(2 * CHUNK + 12_345).fill(0xa5))
  for (const [at, some] of written) bytes.set(some, at < 0 ? bytes.length + at : at)
  writeFileSync(image, bytes)
  return [...findingOf(auditDevice({ path: image, known }), "device").details]
}

describe("a device is searched", () => {
  const [key, text] = [random(32), utf8("a text of six words or so")]

  test.each([0, 1, 777, CHUNK - 32, CHUNK - 31, CHUNK - 1, CHUNK, 2 * CHUNK - 5, -32])(
    "at byte %d, also where one chunk that is read ends and the next begins",
    (at) => {
      const place = at < 0 ? 2 * CHUNK + 12_345 + at : at
      expect(placesOf([text, key], [[at, key]])).toEqual([`line 2 of what is known, at byte ${place}`])
    },
  )

  test("for every form of what is known, and for nothing else", () => {
    const almost = key.slice()
    almost[31] = (almost[31] as number) ^ 1
    expect(placesOf([key], [[5000, almost]])).toEqual([])
    for (const form of [key.toHex(), key.toHex().toUpperCase(), key.toBase64()])
      expect(placesOf([key], [[CHUNK - 20, utf8(form)]])).toHaveLength(1)
  })

  test("to its end, and says how large it is", () => {
    const seen: number[] = []
    placesOf([key], [])
    const found = auditDevice({ path: image, known: [key], progress: (read) => seen.push(read) })
    expect(found.seen).toEqual([{ what: "bytes on the device", count: 2 * CHUNK + 12_345 }])
    expect(seen).toEqual([CHUNK, 2 * CHUNK, 2 * CHUNK + 12_345])
  })
})

describe("the command", () => {
  test("ends with 1 if something was found, and with 0 if not", async () => {
    const key = random(16)
    const known = join(directory, "known")
    writeFileSync(known, `hex:${key.toHex()}`)
    const look = () => cinder(["audit", "--known", known, "--device", image])
    placesOf([key], [[9, key]])
    expect(await look()).toMatchObject({ code: 1, stderr: "" })
    placesOf([key], [])
    expect((await look()).stdout).toContain("None of 1 things was found.")
  })

  test("ends with 2 and a sentence without anything to look for, with directories beside it, and if it cannot read", async () => {
    const known = join(directory, "some")
    writeFileSync(known, "a text to look for")
    const nowhere = join(directory, "nowhere")
    for (const words of [
      ["--device", image],
      ["--known", known, "--device", image, directory],
      ["--known", known, "--device", nowhere],
      ["--known", known, "--device", directory],
    ]) {
      const { code, stdout, stderr } = await cinder(["audit", ...words])
      expect([words, code, stdout]).toEqual([words, 2, ""])
      expect(stderr).toMatch(/^cinder: .+\n$/)
    }
    expect(() => auditDevice({ path: nowhere, known: [random(16)] })).toThrow(CannotLook)
  })
})
