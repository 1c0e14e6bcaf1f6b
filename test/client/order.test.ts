import { afterAll, beforeAll, expect, test } from "bun:test"
import { utf8 } from "../../src/wire/bytes.ts"
import { Ears } from "./ears.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

test("messages arrive in the order of sending, although they are sent at the same time to a group that has changed", async () => {
  const ears = new Ears()
  const host = await Person.register(server, "host")
  const guest = await Person.register(server, "guest", { webSocket: ears.webSocket })
  await befriend(host, guest)
  const group = await host.client.createGroup()
  await group.add(guest.user)
  await guest.until((person) => person.has("joined"))
  ears.close()
  await group.update()
  const texts = Array.from({ length: 12 }, (_, index) => `${index}`)
  const sending = texts.map((text) => guest.client.group(group.id).send(utf8(text)))
  ears.open()
  await Promise.all(sending)
  await host.until((person) => person.heard().length === texts.length)
  expect(host.heard()).toEqual(texts.map((text) => `${guest.user}: ${text}`))
  await Promise.all([host.stop(), guest.stop()])
}, 60_000)
