import { as } from "../wire/as.ts"
import { openProfile, type Profile, sealProfile } from "../wire/profile.ts"
import { CodecError } from "../wire/tls.ts"
import { parseUserId, type UserId, userOfClient } from "../wire/user-id.ts"
import { contactOf } from "./blocked-users.ts"
import { type ClientContext, ownUser } from "./context.ts"
import { ClientError } from "./errors.ts"
import { Lock } from "./lock.ts"
import { at, change, load } from "./record-store.ts"
import { OwnProfile } from "./records.ts"
import { isRefusal } from "./refusal.ts"
import { clientSigner } from "./signers.ts"

/** What users show to their contacts. The server stores it and cannot read it. */
export class Profiles {
  readonly #context: ClientContext
  readonly #lock = new Lock()

  constructor(context: ClientContext) {
    this.#context = context
  }

  /** The profile is stored before it is sent: {@link resume} sends one that a crash held up. */
  update(profile: Profile): Promise<void> {
    return this.#lock.run(async () => {
      await this.#keep({ ...profile, sealed: this.#seal(profile) })
      await this.#send()
    })
  }

  resume(): Promise<void> {
    return this.#lock.run(() => this.#send())
  }

  /** Sends the profile again, under the key that contacts have now. */
  renew(): Promise<void> {
    return this.#lock.run(async () => {
      const profile = await this.#own()
      if (profile === undefined) return
      await this.#keep({ ...profile, sealed: this.#seal(profile) })
      await this.#send()
    })
  }

  /** Undefined: the user has set none, or what the server gave out is not one that the user made. */
  async of(user: string): Promise<Profile | undefined> {
    const { transport } = this.#context
    if (user === ownUser(this.#context)) return await this.#own()
    const contact = await contactOf(this.#context, user)
    if (contact === undefined) throw new ClientError("client.unknown-contact")
    const owner = parseUserId(user)
    const { profile } = await transport.call(as.fetchUserProfile, { user: owner.user })
    const opened = this.#open(contact.profileKey, owner, profile)
    if (opened !== undefined || contact.earlierProfileKey === null) return opened
    return this.#open(contact.earlierProfileKey, owner, profile)
  }

  #open(key: Uint8Array, owner: UserId, sealed: Uint8Array): Profile | undefined {
    try {
      return openProfile(this.#context.crypto, key, owner, sealed)
    } catch (error) {
      if (isRefusal(error)) return undefined
      throw error
    }
  }

  async #own(): Promise<Profile | undefined> {
    const stored = await load(this.#context.store, OwnProfile, at.profile)
    return stored && { displayName: stored.displayName, avatar: stored.avatar }
  }

  #seal(profile: Profile): Uint8Array {
    const { account, crypto } = this.#context
    const owner = { user: userOfClient(account.clientId), domain: account.domain }
    try {
      return sealProfile(crypto, account.profileKey, owner, profile)
    } catch (error) {
      throw error instanceof CodecError ? new ClientError("request.too-large") : error
    }
  }

  async #send(): Promise<void> {
    const { account, store, transport } = this.#context
    const stored = await load(store, OwnProfile, at.profile)
    if (stored === undefined || stored.sealed === null) return
    await transport.call(as.updateUserProfile, { profile: stored.sealed }, clientSigner(account))
    await this.#keep({ ...stored, sealed: null })
  }

  async #keep(profile: Profile & { readonly sealed: Uint8Array | null }): Promise<void> {
    const { displayName, avatar, sealed } = profile
    await this.#context.store.transaction([change(OwnProfile, at.profile, { displayName, avatar, sealed })])
  }
}
