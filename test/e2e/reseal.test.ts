import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Config, resolveConfig } from "../../src/config/config.ts"
import { startServer } from "../../src/server.ts"
import { windows } from "../queue/bytes.ts"
import { Person } from "./person.ts"
import { blob, Snapshot } from "./snapshot.ts"

const VEILED = ["as_queue", "as_alias", "qs_user", "qs_friendship", "qs_client", "qs_queue", "qs_add_package"]

test("a server gives all veiled rows new names by itself, and they go on working", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cinder-reseal-"))
  const flags = { data: "data", domain: "example.org", port: 0, "rate-limit": "off" }
  const config = resolveConfig({ flags, environment: {}, file: {}, workingDirectory: directory }) as Config
  const server = await startServer({ ...config, resealMilliseconds: 40 })
  try {
    const url = `http://127.0.0.1:${server.port}`
    const people = await Promise.all(
      ["a", "b", "c"].map((displayName) => Person.register({ url, displayName })),
    )
    await (people[0] as Person).client.registerAlias("somebody")
    const shown = () => {
      const snapshot = Snapshot.take(config.dataDirectory)
      return VEILED.map((table) =>
        snapshot.rows(table).flatMap((row) => [row["name"], row["body"]].map(blob)),
      )
    }
    const first = shown()
    expect(first.every((values) => values.length > 0)).toBe(true)
    const known = windows(Buffer.concat(first.flat()), 16)
    const keepsSome = () => !windows(Buffer.concat(shown().flat()), 16).isDisjointFrom(known)
    while (keepsSome()) await Bun.sleep(60)
    expect(shown().map((values) => values.length)).toEqual(first.map((values) => values.length))
    const [a, b] = people as [Person, Person]
    await a.client.connect(b.user)
    await b.client.pollConnectionRequests()
    await a.until((person) => person.events.some(({ type }) => type === "connected"))
    for (const person of people) await person.stop()
  } finally {
    await server.stop()
    rmSync(directory, { recursive: true })
  }
})
