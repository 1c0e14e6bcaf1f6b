import fc from "fast-check"
import type { ClientStore, DurableStore, StoreChange } from "../../src/client/store.ts"
import { same } from "./store-checks.ts"

const RUNS = 12
const keyArbitrary = fc.oneof(
  fc.constantFrom("a", "a/", "a/b", "a/\uffff", "%", "_", "", "\ud800"),
  fc.string({ unit: fc.constantFrom("a", "b", "/", "\ud800", "\udc00", "\uffff"), maxLength: 3 }),
)
const valueArbitrary = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined })
const changeArbitrary: fc.Arbitrary<StoreChange> = fc.record({ key: keyArbitrary, value: valueArbitrary })
const stepArbitrary = fc.oneof(
  fc.record({ does: fc.constant("write" as const), changes: fc.array(changeArbitrary, { maxLength: 6 }) }),
  fc.record({ does: fc.constant("read" as const), key: keyArbitrary }),
  fc.record({ does: fc.constant("list" as const), prefix: keyArbitrary }),
  fc.record({ does: fc.constant("reopen" as const) }),
)

/**
 * Random sequences of operations on the store and on a map. Each begins with what the one before has left, which the map
 * holds as well; stores that can be closed are reopened in between.
 */
export async function followsModel<Store extends ClientStore>(open: () => Promise<Store>): Promise<void> {
  let store: Store = await open()
  const model = new Map<string, Uint8Array>()
  const sequence = fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 25 }), async (steps) => {
    for (const step of steps) {
      if (step.does === "read") same(await store.get(step.key), model.get(step.key))
      else if (step.does === "list") same(await store.list(step.prefix), listed(model, step.prefix))
      else if (step.does === "write") {
        await store.transaction(step.changes)
        for (const { key, value } of step.changes) {
          if (value === undefined) model.delete(key)
          else model.set(key, value)
        }
      } else if (isDurable(store)) {
        await store.close()
        store = await open()
      }
    }
    for (const key of listed(model, "")) same(await store.get(key), model.get(key))
    same(await store.list(""), listed(model, ""))
  })
  await fc.assert(sequence, { numRuns: RUNS, endOnFailure: true })
}

function listed(model: ReadonlyMap<string, Uint8Array>, prefix: string): string[] {
  return [...model.keys()].filter((key) => key.startsWith(prefix)).sort()
}

function isDurable(store: ClientStore): store is DurableStore {
  return "close" in store
}
