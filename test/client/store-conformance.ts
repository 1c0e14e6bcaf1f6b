import type { ClientStore, DurableStore, StoreChange } from "../../src/client/store.ts"
import { bytes, failsWith, same, set, unset } from "./store-checks.ts"
import { followsModel } from "./store-model.ts"

/**
 * What every ClientStore has to do, as cases that run under `bun test` and in a browser's page alike: a case that fails
 * throws. Each opens a store of its own, empty at first.
 */
export interface StoreCase<Store extends ClientStore> {
  readonly name: string
  run(place: StorePlace<Store>): Promise<void>
}

/** Where a case has its store: every call of `open` opens the same one. */
export interface StorePlace<Store extends ClientStore> {
  open(): Promise<Store>
}

const LARGE_BYTES = 1024 * 1024

/** What is no change, as a program without types could hand it over. */
const invalid: readonly unknown[] = [
  { key: "x", value: "text" },
  { key: "x", value: null },
  { key: "x", value: [1, 2] },
  { key: 7, value: bytes(1) },
]

const hostileKeys = [
  "",
  "%",
  "%a",
  "_",
  "a",
  "a%",
  "a\0",
  "a\0b",
  "a_b",
  "aab",
  "a\uffff",
  "a\uffff\uffff",
  "b",
  "\ud800",
  "\ud83d\ude00",
  "\udfff",
  "\ue000",
  "\uffff",
  "\uffff\uffff",
]

export const storeCases: readonly StoreCase<ClientStore>[] = [
  {
    name: "what was put is there, what was deleted is not",
    async run({ open }) {
      const store = await open()
      same(await store.get("a"), undefined)
      await store.put("a", bytes(1, 2))
      await store.put("a", bytes(3))
      same(await store.get("a"), bytes(3))
      await store.delete("a")
      await store.delete("a")
      same(await store.get("a"), undefined)
    },
  },
  {
    name: "values may be empty, and large",
    async run({ open }) {
      const store = await open()
      const large = Uint8Array.from({ length: LARGE_BYTES }, (_, index) => index * 7 + (index >> 8))
      await store.transaction([set("empty"), { key: "large", value: large }])
      const empty = await store.get("empty")
      same([empty instanceof Uint8Array, empty?.length], [true, 0])
      const read = await store.get("large")
      same([read?.length, read?.every((byte, index) => byte === large[index])], [LARGE_BYTES, true])
      same(await store.list(""), ["empty", "large"])
    },
  },
  {
    name: "keys are listed by prefix",
    async run({ open }) {
      const store = await open()
      for (const key of ["group/b", "group/a", "group", "groups/c", "contact/a", "group/a/1"])
        await store.put(key, bytes(0))
      same(await store.list("group/"), ["group/a", "group/a/1", "group/b"])
      same(await store.list("group/a/1"), ["group/a/1"])
      same(await store.list("nothing"), [])
    },
  },
  {
    name: "many keys are listed, all of them and no others",
    async run({ open }) {
      const store = await open()
      const keys = Array.from({ length: 700 }, (_, index) => `many/${index.toString().padStart(4, "0")}`)
      await store.transaction([...keys, "mana", "many", "many0"].map((key) => set(key, 1)))
      same(await store.list("many/"), keys)
      same((await store.list("")).length, keys.length + 3)
    },
  },
  {
    name: "prefixes are text and no patterns, and the order is that of UTF-16 code units, half characters included",
    async run({ open }) {
      const store = await open()
      await store.transaction(hostileKeys.toReversed().map((key, index) => set(key, index)))
      for (const prefix of hostileKeys) {
        same(await store.list(prefix), hostileKeys.filter((key) => key.startsWith(prefix)).sort())
      }
      for (const [index, key] of hostileKeys.toReversed().entries()) same(await store.get(key), bytes(index))
    },
  },
  {
    name: "a transaction applies its changes in order",
    async run({ open }) {
      const store = await open()
      await store.put("old", bytes(1))
      await store.transaction([set("new", 1), unset("old"), set("new", 2), set("gone", 1), unset("gone")])
      same(await store.get("new"), bytes(2))
      same(await store.list(""), ["new"])
      await store.transaction([])
      same(await store.list(""), ["new"])
    },
  },
  {
    name: "a transaction with something in it that is no change does nothing at all",
    async run({ open }) {
      const store = await open()
      await store.put("old", bytes(1))
      for (const change of invalid) {
        const changes = [set("new", 1), unset("old"), change as StoreChange, set("last", 1)]
        await failsWith("TypeError", store.transaction(changes))
        same(await store.list(""), ["old"])
      }
      await failsWith("TypeError", store.put("old", "text" as unknown as Uint8Array))
      same(await store.get("old"), bytes(1))
    },
  },
  {
    name: "transactions that are begun together take effect one after the other, in the order of calling",
    async run({ open }) {
      const store = await open()
      const keys = ["a", "b", "c"]
      const writes = Array.from({ length: 40 }, (_, round) =>
        store.transaction(keys.map((key) => set(key, round))),
      )
      const seen = await Promise.all(
        Array.from({ length: 10 }, async () => {
          await writes[0]
          return await store.get("a")
        }),
      )
      same(
        seen.every((value) => value?.length === 1),
        true,
      )
      await Promise.all(writes)
      for (const key of keys) same(await store.get(key), bytes(39))
      await Promise.all([
        store.put("a", bytes(1)),
        store.delete("a"),
        store.put("b", bytes(2)),
        store.put("b", bytes(3)),
      ])
      same([await store.get("a"), await store.get("b")], [undefined, bytes(3)])
    },
  },
  {
    name: "nobody else's buffer is kept or handed out",
    async run({ open }) {
      const store = await open()
      const whole = bytes(5, 7, 7, 5)
      const written = store.put("a", whole.subarray(1, 3))
      whole.fill(0)
      await written
      same(whole, bytes(0, 0, 0, 0))
      const read = await store.get("a")
      same(read, bytes(7, 7))
      read?.fill(9)
      same(await store.get("a"), bytes(7, 7))
      same(read?.buffer.byteLength, 2)
    },
  },
  {
    name: "an array that shares its memory when it is sliced is copied all the same",
    async run({ open }) {
      class Sharing extends Uint8Array {
        override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
          return this.subarray(start, end) as Uint8Array<ArrayBuffer>
        }
      }
      const store = await open()
      const value = new Sharing(bytes(7, 7))
      await store.put("a", value)
      value.fill(0)
      same(await store.get("a"), bytes(7, 7))
      const other = new Sharing(bytes(8))
      await store.put("a", other)
      await store.delete("a")
      same(other, bytes(8))
    },
  },
  {
    name: "any sequence of operations has the results that it has on a map",
    run: ({ open }) => followsModel(open),
  },
]

/** What a store that outlives its object has to do besides. */
export const durableStoreCases: readonly StoreCase<DurableStore>[] = [
  {
    name: "what a resolved write wrote is there after reopening",
    async run({ open }) {
      const store = await open()
      await store.transaction([set("a", 1), set("b"), set("c", 3)])
      await store.delete("c")
      await store.close()
      const again = await open()
      same([await again.get("a"), await again.get("b"), await again.get("c")], [bytes(1), bytes(), undefined])
    },
  },
  {
    name: "closing finishes what was begun; afterwards everything is refused, and closing again does nothing",
    async run({ open }) {
      const store = await open()
      let finished = 0
      for (let index = 0; index < 20; index++)
        void store.put(`key/${index}`, bytes(index)).then(() => finished++)
      await store.close()
      await new Promise((resolve) => setTimeout(resolve, 0))
      same(finished, 20)
      await store.close()
      await failsWith("client.closed", store.get("a"))
      await failsWith("client.closed", store.list(""))
      await failsWith("client.closed", store.put("a", bytes(1)))
      await failsWith("client.closed", store.delete("a"))
      await failsWith("client.closed", store.transaction([]))
      await failsWith("client.closed", store.destroy())
      same((await (await open()).list("key/")).length, 20)
    },
  },
  {
    name: "a second opener is refused as long as the first has it open, and does not disturb it",
    async run({ open }) {
      const store = await open()
      await store.put("a", bytes(1))
      await failsWith("client.store-in-use", open())
      await failsWith("client.store-in-use", open())
      await store.put("b", bytes(2))
      same(await store.list(""), ["a", "b"])
      await store.close()
      const again = await open()
      same(await again.list(""), ["a", "b"])
    },
  },
  {
    name: "a store that was destroyed is empty when it is opened again",
    async run({ open }) {
      const store = await open()
      await store.transaction([set("a", 1), set("b", 2)])
      await store.destroy()
      await failsWith("client.closed", store.get("a"))
      const again = await open()
      same(await again.list(""), [])
      await again.put("a", bytes(3))
      same(await again.get("a"), bytes(3))
    },
  },
  {
    name: "any sequence of operations has the results that it has on a map, with reopening in between",
    run: ({ open }) => followsModel(open),
  },
]
