import { expect, test } from "bun:test"
import { join } from "node:path"
import { ISSUER_DIRECTORY_PATH } from "../../src/privacypass/directory.ts"
import { cinder, serveWith, temporaryDirectory } from "../cli/process.ts"
import { aliceAndBob } from "../client/people.ts"

test("after a restore people go on in a group that is as it was, hear nothing twice, and pay with new tokens", async () => {
  const directory = temporaryDirectory()
  const data = join(directory, "data")
  const where = (path: string) => ["--data", path, "--domain", "example.org", "--secrets", `${data}.secrets`]
  const done = async (...words: readonly string[]) => {
    const { code, stderr } = await cinder(words)
    expect([code, stderr]).toEqual([0, ""])
  }
  let server = await serveWith([...where(data), "--port", "0"])
  const { alice, bob } = await aliceAndBob(server)
  await bob.stop()
  await alice.say("waits in the backup")

  const copy = join(directory, "copy")
  await done("backup", copy, ...where(data))
  await bob.start()
  await bob.until((person) => person.heard().length === 1)
  await alice.say("came after it")
  await bob.until((person) => person.heard().length === 2)

  const issuing = async () => await (await fetch(`${server.url}${ISSUER_DIRECTORY_PATH}`)).text()
  const before = await issuing()
  await server.end("SIGTERM")
  const restored = join(directory, "restored")
  await done("restore", copy, ...where(restored), "--verify")
  server = await serveWith([...where(restored), "--port", `${server.port}`])
  expect(await issuing()).not.toBe(before)
  await alice.say("after the restore")
  await bob.until((person) => person.heard().includes(`${alice.user}: after the restore`))
  await bob.say("and back")
  await alice.until((person) => person.heard().length === 1)
  expect(bob.heard().map((line) => line.split(": ")[1])).toEqual([
    "waits in the backup",
    "came after it",
    "after the restore",
  ])
  await Promise.all([alice.stop(), bob.stop()])
  expect((await server.end("SIGTERM")).stderr).toBe("")
}, 60_000)
