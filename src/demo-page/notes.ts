import { type DurableStore, indexedDbStore } from "../client/index.ts"
import { fromUtf8, utf8 } from "../wire/bytes.ts"

/** What the page keeps for itself in IndexedDB, beside the stores of the clients. */
export class Notes {
  readonly #store: DurableStore

  private constructor(store: DurableStore) {
    this.#store = store
  }

  /** Throws ClientError `client.store-in-use` while another tab has the page open. */
  static async open(): Promise<Notes> {
    return new Notes(await indexedDbStore("cinder-demo/page"))
  }

  /** What was written under the name, or else `none`. */
  async read<T>(name: string, none: T): Promise<T> {
    const bytes = await this.#store.get(name)
    return bytes === undefined ? none : (JSON.parse(fromUtf8(bytes)) as T)
  }

  async write<T>(name: string, value: T): Promise<void> {
    await this.#store.put(name, utf8(JSON.stringify(value)))
  }

  async destroy(): Promise<void> {
    await this.#store.destroy()
  }
}
