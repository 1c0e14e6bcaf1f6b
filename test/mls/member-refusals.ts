import { CryptoError } from "../../src/crypto/provider.ts"
import { encodeGroupInfo } from "../../src/mls/codec/group-info.ts"
import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import { decodeMlsMessage, encodeMlsMessage } from "../../src/mls/codec/message.ts"
import { WireFormat } from "../../src/mls/codec/protocol.ts"
import type { PreSharedKeyId } from "../../src/mls/codec/psk.ts"
import { encodeGroupSecrets, type Welcome } from "../../src/mls/codec/welcome.ts"
import { protectHandshake } from "../../src/mls/member/framing.ts"
import { Member } from "../../src/mls/member/group.ts"
import type { OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import { clientByCredential, reInitOf } from "../../src/mls/member/lineage.ts"
import { pskSecret } from "../../src/mls/member/psk.ts"
import { externalPskProposal } from "../../src/mls/member/psks.ts"
import type { memberRules } from "../../src/mls/member/rules.ts"
import {
  type MemberState,
  PAST_EPOCHS_MAX,
  PROPOSALS_MAX,
  secretsOf,
  withSecrets,
} from "../../src/mls/member/state.ts"
import { restoreMember } from "../../src/mls/member/storage.ts"
import { openGroupSecrets, sealGroupInfo, sealGroupSecrets } from "../../src/mls/member/welcome-crypto.ts"
import { composeHandshake, decodeHandshake } from "../../src/mls/observer/handshake.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { addOf, clock, groupOf, lifetime, newKeyPackage, newLeaf, suite } from "./member-fixtures.ts"

/** For each rule that only members check: an attempt that this rule alone refuses. */

function two(): [Member, Member] {
  const [a, b] = groupOf(2)
  return [a as Member, b as Member]
}

function stateOf(member: Member): MemberState {
  return restoreMember(suite, member.serialize())
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  const index = at < 0 ? copy.length + at : at
  copy[index] = (copy[index] as number) ^ 1
  return copy
}

/** The member over a suite that does one thing differently. */
function over(member: Member, change: Partial<CipherSuite>): Member {
  return Member.restore({ ...suite, ...change }, member.serialize())
}

function invitation(): { readonly own: OwnKeyPackage; readonly welcome: Welcome; readonly next: Member } {
  const [creator] = groupOf(1)
  const own = newKeyPackage("joiner")
  const { welcome, next } = (creator as Member).commit({ ...clock, proposals: [addOf(own)] })
  const decoded = decodeMlsMessage(welcome as Uint8Array)
  if (decoded.kind !== "welcome") throw new Error("not a Welcome")
  return { own, welcome: decoded.welcome, next }
}

function joinWith(own: OwnKeyPackage, welcome: Welcome, next: Member): Member {
  const message = encodeMlsMessage({ kind: "welcome", welcome })
  return Member.join(suite, message, own, { ratchetTree: next.tree.encode(), psks: () => new Uint8Array(32) })
}

/** A Welcome to somebody who is not in the tree. */
function strangersWelcome(): Member {
  const { own, welcome, next } = invitation()
  const stranger = newKeyPackage("stranger")
  const { encryptedGroupInfo } = welcome
  const sealed = welcome.secrets[0]?.encryptedGroupSecrets
  if (sealed === undefined) throw new Error("no secrets")
  const secrets = openGroupSecrets(suite, own.secrets.initSecretKey, encryptedGroupInfo, sealed)
  const { initKey } = decodeKeyPackage(stranger.keyPackage)
  const encryptedGroupSecrets = sealGroupSecrets(suite, initKey, encryptedGroupInfo, secrets)
  const resealed = { ...welcome, secrets: [{ newMember: stranger.ref, encryptedGroupSecrets }] }
  return joinWith(stranger, resealed, next)
}

/** A Welcome into a late epoch that claims to be the start of a branch. */
function lateBranch(): Member {
  const [parent] = groupOf(1) as [Member]
  const { own, next } = invitation()
  const later = next.commit(clock).next
  const id: PreSharedKeyId = {
    kind: "resumption",
    usage: "branch",
    groupId: parent.context.groupId,
    epoch: 0n,
    nonce: new Uint8Array(32),
  }
  const joinerSecret = suite.random(32)
  const combined = pskSecret(suite, [{ id, secret: parent.resumptionPsk(0n) as Uint8Array }])
  const info = encodeGroupInfo(later.groupInfo())
  const encryptedGroupInfo = sealGroupInfo(suite, joinerSecret, combined, info)
  const plaintext = encodeGroupSecrets({ joinerSecret, pathSecret: undefined, psks: [id] })
  const { initKey } = decodeKeyPackage(own.keyPackage)
  const encryptedGroupSecrets = sealGroupSecrets(suite, initKey, encryptedGroupInfo, plaintext)
  const secrets = [{ newMember: own.ref, encryptedGroupSecrets }]
  const welcome = { kind: "welcome", welcome: { cipherSuite: 1, secrets, encryptedGroupInfo } } as const
  const options = { ratchetTree: later.tree.encode(), clientOf: () => "anybody" }
  return parent.joinBranch(encodeMlsMessage(welcome), own, options)
}

/** Two members of a group that ended, and what the first needs to create its successor with the second. */
function ended(joiner = newKeyPackage("member 1")) {
  const [first, second] = two()
  const reInit = {
    kind: "reInit",
    groupId: utf8("next"),
    version: 1,
    cipherSuite: 1,
    extensions: [],
  } as const
  const { message, next } = first.commit({ ...clock, proposals: [reInit] })
  const keyPackages = [decodeKeyPackage(joiner.keyPackage)]
  const creation = { ...clock, leaf: newLeaf("member 0"), lifetime, keyPackages, treeInWelcome: true }
  return { first: next, second: second.process(message, clock).next, creation, joiner }
}

/** A creator that thinks that anybody may be in its group invites a stranger. */
const anybody = () => "anybody"

function strangersSuccessor(): Member {
  const { first, second, creation, joiner } = ended(newKeyPackage("stranger"))
  const { welcome } = first.createSuccessor(suite, { ...creation, clientOf: anybody })
  return second.joinSuccessor(suite, welcome as Uint8Array, joiner, { clientOf: clientByCredential })
}

function strangersBranch(): Member {
  const [first, second] = two()
  const joiner = newKeyPackage("stranger")
  const { creation } = ended(joiner)
  const { welcome } = first.createBranch({ ...creation, groupId: utf8("branch"), clientOf: anybody })
  return second.joinBranch(welcome as Uint8Array, joiner, { clientOf: clientByCredential })
}

/** Its creator takes the successor's parameters to be others than the ReInit's. */
function otherSuccessor(): Member {
  const { first, second, creation, joiner } = ended()
  const state = stateOf(first)
  const mistaken = new Member({ ...state, reInit: { ...reInitOf(state), groupId: utf8("another") } })
  const { welcome } = mistaken.createSuccessor(suite, { ...creation, clientOf: anybody })
  return second.joinSuccessor(suite, welcome as Uint8Array, joiner, { clientOf: anybody })
}

function branchWithoutParent(): Member {
  const { creation, joiner } = ended()
  const { welcome } = two()[0].createBranch({ ...creation, groupId: utf8("branch"), clientOf: anybody })
  return Member.join(suite, welcome as Uint8Array, joiner)
}

/** A commit whose confirmation tag is wrong and whose membership tag is right. */
function wronglyConfirmed(a: Member): Uint8Array {
  const { framed, signature, confirmationTag } = decodeHandshake(a.commit(clock).message)
  const wrong = flipped(confirmationTag as Uint8Array, 0)
  const handshake = composeHandshake(WireFormat.publicMessage, framed, { signature, confirmationTag: wrong })
  return protectHandshake(stateOf(a), handshake, false).message
}

function committedForgottenUpdate(): unknown {
  const [a, b] = two()
  const proposed = a.proposeUpdate(clock)
  const { message } = b.process(proposed.message, clock).next.commit(clock)
  const forgetful = new Member(withSecrets(stateOf(proposed.next), { updates: [] }))
  return forgetful.process(message, clock)
}

function oneProposalTooMany(): unknown {
  const [a, b] = two()
  const { message, next } = a.propose({ kind: "remove", removed: 1 }, clock)
  const [stored] = secretsOf(stateOf(next)).proposals.values()
  if (stored === undefined) throw new Error("nothing stored")
  const proposals = new Map(Array.from({ length: PROPOSALS_MAX }, (_, i) => [`${i}`, stored]))
  return new Member(withSecrets(stateOf(b), { proposals })).process(message, clock)
}

function forgottenEpoch(): unknown {
  const [a, b] = two()
  const { message } = a.encrypt(utf8("late"))
  let late = b
  for (let i = 0; i <= PAST_EPOCHS_MAX; i++) late = late.commit(clock).next
  return late.decrypt(message)
}

function unusable(): never {
  throw new CryptoError("unusable")
}

const [a, b] = two()
const application = a.encrypt(utf8("text")).message

export const memberRefusals: Readonly<Record<keyof typeof memberRules, () => unknown>> = {
  membershipTag: () => b.process(flipped(a.commit(clock).message, -1), clock),
  confirmationTag: () => b.process(wronglyConfirmed(a), clock),
  ownMessage: () => a.process(a.commit(clock).message, clock),
  pastEpoch: forgottenEpoch,
  notHandshake: () => b.process(application, clock),
  decryption: () => b.decrypt(flipped(application, -1)),
  generation: () => b.decrypt(application).next.decrypt(application),
  padding: () => {
    const sloppy = over(a, {
      aeadSeal: (key, nonce, aad, plaintext) =>
        suite.aeadSeal(key, nonce, aad, plaintext.length < 100 ? plaintext : flipped(plaintext, -1)),
    })
    return b.decrypt(sloppy.encrypt(utf8("text")).message)
  },
  selfRemoveEncrypted: () => a.propose({ kind: "selfRemove" }, { ...clock, encrypted: true }),
  pathSecret: () => {
    const broken = over(a, {
      hpkeSeal: (publicKey, info, secret) => {
        const { kemOutput, ciphertext } = suite.hpkeSeal(publicKey, info, secret)
        return { kemOutput, ciphertext: flipped(ciphertext, 0) }
      },
    })
    return b.process(broken.commit(clock).message, clock)
  },
  pathKeys: () => {
    const lying = over(a, {
      hpkeSeal: (publicKey, info, secret) => suite.hpkeSeal(publicKey, info, flipped(secret, 0)),
    })
    return b.process(lying.commit(clock).message, clock)
  },
  unusableKey: () => {
    const keyless = over(a, { hpkeSeal: unusable })
    return keyless.commit(clock)
  },
  welcomeSecrets: () => {
    const { welcome, next } = invitation()
    return joinWith(newKeyPackage("another"), welcome, next)
  },
  welcomeSuite: () => {
    const { own, welcome, next } = invitation()
    return joinWith(own, { ...welcome, cipherSuite: 2 }, next)
  },
  treeMissing: () => {
    const { own, welcome } = invitation()
    return Member.join(suite, encodeMlsMessage({ kind: "welcome", welcome }), own)
  },
  ownLeaf: strangersWelcome,
  welcomePsk: lateBranch,
  welcomeParent: branchWithoutParent,
  successorParameters: otherSuccessor,
  successorMembers: strangersSuccessor,
  branchMembers: strangersBranch,
  unknownPsk: () => {
    const proposals = [externalPskProposal(suite, utf8("psk"))]
    return b.process(a.commit({ ...clock, proposals, psks: () => utf8("known here") }).message, clock)
  },
  groupClosed: () => {
    const { message } = a.commit({ ...clock, proposals: [{ kind: "remove", removed: b.leaf }] })
    return b.process(message, clock).next.encrypt(utf8("text"))
  },
  ownUpdate: committedForgottenUpdate,
  keyPair: () => {
    const { own, welcome, next } = invitation()
    const { secrets } = newKeyPackage("another")
    return joinWith({ ...own, secrets }, welcome, next)
  },
  proposalsFull: oneProposalTooMany,
  selfRemoveRepeated: () => {
    const [first, second] = [clock, { ...clock, authenticatedData: utf8("again") }]
    return a.propose({ kind: "selfRemove" }, first).next.propose({ kind: "selfRemove" }, second)
  },
  notReinitialized: () => a.createSuccessor(suite, { ...ended().creation, clientOf: anybody }),
  memberState: () => Member.restore(suite, a.serialize().subarray(1)),
}
