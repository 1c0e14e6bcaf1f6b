import { portableCrypto } from "../../crypto/portable.ts"
import type { CryptoProvider } from "../../crypto/provider.ts"
import { makeContextExtensions } from "../../group/context-extensions.ts"
import type { Lifetime } from "../../mls/codec/leaf-node.ts"
import { Member } from "../../mls/member/group.ts"
import { createKeyPackage } from "../../mls/member/key-package.ts"
import { suite1 } from "../../mls/suites/suite1.ts"
import { FlatTree } from "../../mls/tree/flat-tree.ts"
import type { Membership } from "./member.ts"
import { leafOf } from "./own-leaf.ts"
import { membersOf, type Now, OwnMember, refusing } from "./own-member.ts"

function systemClock(): bigint {
  return BigInt(Math.floor(Date.now() / 1000))
}

function lifetimeOf(lifetime: { readonly notBefore: number; readonly notAfter: number }): Lifetime {
  return { notBefore: BigInt(lifetime.notBefore), notAfter: BigInt(lifetime.notAfter) }
}

/** {@link Membership} by our own MLS core. */
export function ownMembership(crypto: CryptoProvider = portableCrypto, now: Now = systemClock): Membership {
  const suite = suite1(crypto)
  return {
    async keyPackage({ leaf, lifetime, extensions }) {
      const made = createKeyPackage(suite, leafOf(leaf), lifetimeOf(lifetime), extensions)
      const { initSecretKey, encryptionSecretKey, signatureSecret } = made.secrets
      return {
        keyPackage: made.keyPackage,
        ref: made.ref,
        secrets: {
          initKey: initSecretKey,
          encryptionKey: encryptionSecretKey,
          signatureSeed: signatureSecret,
        },
      }
    },
    async create({ groupId, removalKey, leaf, lifetime }) {
      const admins = [suite.signaturePublic(leaf.signatureSeed)]
      const extensions = makeContextExtensions({ admins, removalKey })
      const group = { groupId, leaf: leafOf(leaf), lifetime: lifetimeOf(lifetime), extensions }
      return new OwnMember(Member.create(suite, group), now)
    },
    async joinFromWelcome(welcome, { keyPackage, secrets }, ratchetTree) {
      return refusing("welcome", () => {
        const { initKey, encryptionKey, signatureSeed } = secrets
        const own = {
          initSecretKey: initKey,
          encryptionSecretKey: encryptionKey,
          signatureSecret: signatureSeed,
        }
        const member = Member.join(suite, welcome, { keyPackage, secrets: own }, { ratchetTree })
        return new OwnMember(member, now)
      })
    },
    async joinExternal(groupInfo, ratchetTree, leaf, authenticatedData, replaces) {
      return refusing("external join", () => {
        const own = { leaf: leafOf(leaf), ...(replaces === undefined ? {} : { replaces }) }
        const options = { now: now(), ratchetTree, authenticatedData, ...own }
        const { message, next } = Member.joinExternal(suite, groupInfo, options)
        return { commit: message, welcome: undefined, next: new OwnMember(next, now) }
      })
    },
    membersOf: (ratchetTree) => refusing("tree", () => membersOf(FlatTree.decode(suite, ratchetTree))),
    restore: (state) => refusing("state", () => new OwnMember(Member.restore(suite, state), now)),
  }
}
