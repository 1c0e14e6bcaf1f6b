import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Config, resolveConfig } from "../../src/config/config.ts"
import { startServer } from "../../src/server.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { Person } from "./person.ts"
import { blob, Snapshot } from "./snapshot.ts"

/** The columns that are sealed under keys outside the data, by table. */
const SEALED = { as_queue: "slot_state", qs_queue: "slot_state", qs_client: "state" } as const

test("a server seals all records of queues and of clients anew by itself, and they go on working", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cinder-reseal-"))
  const flags = { data: "data", domain: "example.org", port: 0, "rate-limit": "off" }
  const config = resolveConfig({ flags, environment: {}, file: {}, workingDirectory: directory }) as Config
  const server = await startServer({ ...config, resealMilliseconds: 40 })
  try {
    const url = `http://127.0.0.1:${server.port}`
    const people = await Promise.all(
      ["a", "b", "c"].map((displayName) => Person.register({ url, displayName })),
    )
    const seen = new Map<string, Set<string>>()
    const look = () => {
      const snapshot = Snapshot.take(config.dataDirectory)
      for (const [table, column] of Object.entries(SEALED)) {
        for (const row of snapshot.rows(table)) {
          const name = `${table} ${toHex(blob(row["id"]))}`
          seen.set(name, (seen.get(name) ?? new Set()).add(toHex(blob(row[column]))))
        }
      }
    }
    look()
    expect(seen.size).toBe(9)
    while (![...seen.values()].every((versions) => versions.size > 2)) {
      await Bun.sleep(60)
      look()
    }
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
