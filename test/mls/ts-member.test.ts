import { describe, expect, test } from "bun:test"
import * as mls from "ts-mls"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeExternalPub, encodeExternalSenders } from "../../src/mls/codec/group-extensions.ts"
import { ExtensionType } from "../../src/mls/codec/protocol.ts"
import { MlsError } from "../../src/mls/error.ts"
import { observeCommit } from "../../src/mls/observer/commit.ts"
import { observeCreation } from "../../src/mls/observer/creation.ts"
import { rules } from "../../src/mls/rules.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { OurCandidate } from "./our-member.ts"
import { refusesTree, TsCandidate } from "./ts-member.ts"

/** That ts-mls still has the flaws which ts-member.ts lists and works around: one that is gone here can go there. */

const GROUP_ID = utf8("a group")
const EXTENSION = { type: 0xf0f0, data: utf8("data") }
const now = BigInt(Math.floor(Date.now() / 1000))
const lifetime = { notBefore: now - 3600n, notAfter: now + 86_400n }

const ours = (name: string) => OurCandidate.make(name, lifetime)
const theirs = (name: string) => TsCandidate.make(name, lifetime)

const theirSuite = () =>
  mls.getCiphersuiteImpl(mls.getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"))

/** A group of ours that `joiners` were added to by one commit with a path, and how they join. */
async function grown(joiners: readonly (OurCandidate | TsCandidate)[]) {
  const creator = await (await ours("creator")).create(GROUP_ID)
  const { welcome, accept } = await creator.commit({ add: joiners.map(({ keyPackage }) => keyPackage) })
  accept()
  if (welcome === undefined) throw new Error("no Welcome")
  const tree = await creator.ratchetTree()
  return { creator, join: (who: OurCandidate | TsCandidate) => who.join(welcome, tree) }
}

describe("ts-mls 1.6.4", () => {
  test("1: writes external_pub without its length", async () => {
    const suite = await theirSuite()
    const own = await mls.generateKeyPackage(
      { credentialType: "basic", identity: utf8("creator") },
      mls.defaultCapabilities(),
      lifetime,
      [],
      suite,
    )
    const state = await mls.createGroup(GROUP_ID, own.publicPackage, own.privatePackage, [], suite)
    const { extensions } = await mls.createGroupInfoWithExternalPub(state, [], suite)
    const [extension] = extensions as [mls.Extension]
    expect(extension.extensionType).toBe("external_pub")
    expect(extension.extensionData).toHaveLength(32)
    const data = Uint8Array.from(extension.extensionData)
    expect(() => decodeExternalPub({ type: ExtensionType.externalPub, data })).toThrow(CodecError)
  })

  test("2: refuses a valid tree whose parents have different unmerged leaves", async () => {
    const { creator } = await grown(await Promise.all(["a", "b", "c", "d"].map(ours)))
    const removal = await creator.commit({ remove: [3] })
    removal.accept()
    const first = await creator.commit({ add: [(await ours("e")).keyPackage], withoutPath: true })
    first.accept()
    const joiners = [await theirs("f"), await ours("g")] as const
    const second = await creator.commit({
      add: joiners.map(({ keyPackage }) => keyPackage),
      withoutPath: true,
    })
    second.accept()
    const [welcome, tree] = [second.welcome as Uint8Array, await creator.ratchetTree()]
    expect(await joiners[0].join(welcome, tree).catch(refusesTree)).toBe(true)
    expect(await (await joiners[1].join(welcome, tree)).agreement()).toBe(await creator.agreement())
  })

  test("3: derives another commit secret where the left half of the tree is blank", async () => {
    const joiners = [await ours("a"), await theirs("b"), await ours("c")] as const
    const { join } = await grown(joiners)
    const [member, committer] = [await join(joiners[1]), await join(joiners[2])]
    const { commit } = await committer.commit({ remove: [0, 1] })
    await expect(member.process(commit)).rejects.toThrow("confirmation tag")
  })

  test("4: commits GroupContextExtensions without a path", async () => {
    const creator = await (await TsCandidate.make("creator", lifetime, [EXTENSION])).create(GROUP_ID)
    const suite = suite1(nativeCrypto)
    const group = [await creator.groupInfo(), await creator.ratchetTree()] as const
    const { state, tree } = observeCreation(suite, ...group, now)
    const { commit } = await creator.commit({
      proposals: [
        {
          proposalType: "group_context_extensions",
          groupContextExtensions: {
            extensions: [{ extensionType: EXTENSION.type, extensionData: EXTENSION.data }],
          },
        },
      ],
    })
    const observe = () => observeCommit(suite, state, tree, commit, { now })
    expect(observe).toThrow(MlsError)
    expect(observe).toThrow(rules.pathRequired.text)
  })

  test("5: does not notice its removal when the commit gives its leaf to somebody else", async () => {
    const joiners = [await theirs("a"), await ours("b")] as const
    const { creator, join } = await grown(joiners)
    const [member, other] = [await join(joiners[0]), await join(joiners[1])]
    const { commit, accept } = await creator.commit({ remove: [1], add: [(await ours("c")).keyPackage] })
    accept()
    await expect(member.process(commit)).rejects.toThrow("No overlap")
    await other.process(commit)
    expect(await other.agreement()).toBe(await creator.agreement())
  })

  test("6: takes external_senders for one sender", async () => {
    const own = await theirSuite()
    const { data } = encodeExternalSenders([
      { signatureKey: nativeCrypto.random(32), credential: { kind: "basic", identity: utf8("server") } },
    ])
    const senders: mls.Extension = { extensionType: "external_senders", extensionData: data }
    const { publicPackage, privatePackage } = await mls.generateKeyPackage(
      { credentialType: "basic", identity: utf8("creator") },
      mls.defaultCapabilities(),
      lifetime,
      [],
      own,
    )
    const created = mls.createGroup(GROUP_ID, publicPackage, privatePackage, [senders], own)
    await expect(created).rejects.toThrow("Could not decode external_senders")
  })
})
