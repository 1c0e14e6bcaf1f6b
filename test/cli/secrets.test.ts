import { describe, expect, test } from "bun:test"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { decodeSecrets, makeSecrets, type Secrets } from "../../src/config/secrets.ts"
import { createSecrets } from "../../src/config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { SECRET_GENERATIONS_MAX } from "../../src/limits.ts"
import { Homeserver } from "../e2e/homeserver.ts"
import { party } from "../e2e/person.ts"
import { cinder, temporaryDirectory } from "./process.ts"

const KEPT = {
  "queue-config-keys": "queueConfigKeys",
  "queue-slot-keys": "queueSlotKeys",
  "connection-slot-keys": "connectionSlotKeys",
} as const
const REPLACED = {
  "ticket-key": "ticketKey",
  "queue-signing-seed": "queueSigningSeed",
  "push-seed": "pushSeed",
} as const

const read = (file: string): Secrets => decodeSecrets(crypto, new Uint8Array(readFileSync(file)))

function newSecrets(): string {
  const directory = temporaryDirectory()
  mkdirSync(directory, { recursive: true })
  const file = join(directory, "secrets")
  createSecrets(crypto, file, makeSecrets(crypto, "example.org", 1_800_000_000))
  return file
}

async function secrets(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(["secrets", ...words])
  expect([code, stderr]).toEqual([0, ""])
  return stdout
}

async function refused(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(["secrets", ...words])
  expect([code, stdout]).toEqual([1, ""])
  expect(stderr).toMatch(/^(cinder: .+\n)+$/)
  return stderr
}

describe("cinder secrets", () => {
  test("makes one secret anew in the file and leaves the others, and tells of no key", async () => {
    const file = newSecrets()
    for (const [word, name] of Object.entries({ ...KEPT, ...REPLACED })) {
      const before = read(file)
      const said = await secrets("rotate", word, "--secrets", file, "--json")
      const after = read(file)
      expect(after[name]).not.toEqual(before[name])
      expect({ ...after, [name]: undefined }).toEqual({ ...before, [name]: undefined })
      expect(JSON.parse(said)).toEqual({ secret: word, olderKept: word in KEPT })
    }
  })

  test("keeps older keys until they are retired, and makes no more of them than a server takes", async () => {
    const file = newSecrets()
    const first = read(file).queueSlotKeys.at(-1)
    for (let made = 1; made < SECRET_GENERATIONS_MAX; made++)
      await secrets("rotate", "queue-slot-keys", "--secrets", file)
    const full = read(file)
    expect(full.queueSlotKeys).toHaveLength(SECRET_GENERATIONS_MAX)
    expect(full.queueSlotKeys[0]).toEqual(first as Uint8Array)
    expect(await refused("rotate", "queue-slot-keys", "--secrets", file)).toContain("retire the old ones")
    expect(read(file)).toEqual(full)
    await secrets("retire", "queue-slot-keys", "--secrets", file)
    expect(read(file)).toEqual({ ...full, queueSlotKeys: full.queueSlotKeys.slice(-1) })
  }, 60_000)

  test("says which secrets there are instead of guessing, and which have nothing to retire", async () => {
    const file = newSecrets()
    const before = read(file)
    expect(await refused("rotate", "constructor", "--secrets", file)).toContain("ticket-key")
    expect(await refused("retire", "ticket-key", "--secrets", file)).not.toContain("secrets: ticket-key")
    expect(read(file)).toEqual(before)
  })
})

test("what waited in queues arrives after all secrets were rotated, and talk goes on", async () => {
  const server = await Homeserver.start("--rate-limit", "off")
  const { url } = server
  const [ada, ben] = await party([{ url }, { url }])
  await ben?.stop()
  await ada.say("before")
  await ada.stop()
  await server.stop()
  for (const word of Object.keys({ ...KEPT, ...REPLACED }))
    await secrets("rotate", word, "--secrets", server.secretsFile)
  await server.start()
  await ben?.start()
  await ben?.untilHeard("before")
  await ada.start()
  await ada.say("after")
  await ben?.untilHeard("after")
  expect(ben?.heard().map(({ text }) => text)).toEqual(["before", "after"])
  await Promise.all([ada.stop(), ben?.stop()])
  await server.end()
}, 60_000)
