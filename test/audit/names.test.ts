import { expect, test } from "bun:test"
import { readSnapshot } from "../../src/audit/evidence.ts"
import { namedAs, QUEUE_ROWS } from "../../src/audit/names.ts"
import { rotateSecret } from "../../src/config/rotation.ts"
import { makeSecrets } from "../../src/config/secrets.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { addPackages, clients, queues } from "../../src/qs/tables.ts"
import { SlotsUnreadable } from "../../src/veil/slot-keys.ts"
import { concat, toHex } from "../../src/wire/bytes.ts"
import { DOMAIN, Member, NOW, World } from "../qs/world.ts"

const TABLES = { qs_queue: queues, qs_client: clients, qs_add_package: addPackages }

test("a truth in ids becomes one in the names of a snapshot, before and after a pass, a rotation and another", async () => {
  await using world = await World.open()
  let secrets = makeSecrets(crypto, DOMAIN, NOW / 1000)
  world.restart({ slotKeys: secrets.queueSlotKeys })
  const members = [new Member(), new Member(), new Member()]
  for (const member of members) {
    await member.register(world)
    await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 2) }))
  }
  const ids = members.map(({ client }) => toHex(client))
  const user = toHex(crypto.random(16))
  const truth = { groups: [ids], pseudonyms: ids.map((id) => [user, id] as const), aliases: [], entries: [] }
  const looked = async () => {
    world.store.scrub()
    const snapshot = readSnapshot(world.directory)
    for (const rows of QUEUE_ROWS) {
      const suffix = rows === "qs_add_package" ? [Uint8Array.of(0)] : []
      const names = members.map(({ client }) =>
        toHex(world.store.storedOf(TABLES[rows], concat(client, ...suffix)).name),
      )
      const named = namedAs(crypto, truth, snapshot, secrets, rows)
      expect(named).toEqual({ ...truth, groups: [names], pseudonyms: names.map((name) => [user, name]) })
    }
  }
  await looked()
  await world.store.pass()
  await looked()
  secrets = rotateSecret(crypto, secrets, "queueSlotKeys")
  world.restart({ slotKeys: secrets.queueSlotKeys })
  await looked()
  await world.store.pass()
  await looked()
  const others = makeSecrets(crypto, DOMAIN, NOW / 1000)
  expect(() => namedAs(crypto, truth, readSnapshot(world.directory), others)).toThrow(SlotsUnreadable)
})
