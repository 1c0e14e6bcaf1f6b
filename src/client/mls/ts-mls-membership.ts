import {
  type Capabilities,
  type ClientConfig,
  type ClientState,
  createGroup,
  decodeMlsMessage,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  joinGroupExternal,
  type KeyPackage,
  type Welcome,
} from "ts-mls"
import { defaultClientConfig } from "ts-mls/clientConfig.js"
import { decodeGroupInfo, encodeGroupInfo, verifyGroupInfoConfirmationTag } from "ts-mls/groupInfo.js"
import { decodeKeyPackage, encodeKeyPackage, makeKeyPackageRef } from "ts-mls/keyPackage.js"
import { deriveKeySchedule } from "ts-mls/keySchedule.js"
import { pathToRoot } from "ts-mls/pathSecrets.js"
import { mergePrivateKeyPaths, type PrivateKeyPath, toPrivateKeyPath } from "ts-mls/privateKeyPath.js"
import { decodeRatchetTree, findLeafIndex } from "ts-mls/ratchetTree.js"
import { createSecretTree } from "ts-mls/secretTree.js"
import { leafToNodeIndex, leafWidth, toLeafIndex } from "ts-mls/treemath.js"
import { firstCommonAncestor } from "ts-mls/updatePath.js"
import { decryptGroupInfo, decryptGroupSecrets } from "ts-mls/welcome.js"
import { portableCrypto } from "../../crypto/portable.ts"
import type { CryptoProvider } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { decodeGroupInfo as decodeOwnGroupInfo } from "../../mls/codec/group-info.ts"
import { observeGroup } from "../../mls/observer/creation.ts"
import { suite1 } from "../../mls/suites/suite1.ts"
import { FlatTree } from "../../mls/tree/flat-tree.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../../wire/queue-config.ts"
import { ciphersuite } from "./ciphersuite.ts"
import {
  type KeyPackageOptions,
  type KeyPackageSecrets,
  MemberError,
  type Membership,
  type OwnLeaf,
} from "./member.ts"
import type { Suite } from "./suite.ts"
import { decodeWhole, guarded, TsMlsMember } from "./ts-mls-member.ts"

/** Epochs whose application messages still open: for what was on its way when this client committed. */
const EPOCHS_RETAINED = 8
/** Application messages of one sender that may be missing before one that arrives. */
const SKIPPED_MESSAGES_MAX = 1_000

const config: ClientConfig = {
  ...defaultClientConfig,
  keyRetentionConfig: {
    retainKeysForGenerations: 16,
    retainKeysForEpochs: EPOCHS_RETAINED,
    maximumForwardRatchetSteps: SKIPPED_MESSAGES_MAX,
  },
}

const capabilities: Capabilities = {
  versions: ["mls10"],
  ciphersuites: ["MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"],
  extensions: [LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE],
  proposals: [],
  credentials: ["basic"],
}

/** {@link Membership} by ts-mls; the next MLS core replaces this file and ts-mls-member.ts. */
export function tsMlsMembership(crypto: CryptoProvider = portableCrypto): Membership {
  const suite: Suite = { crypto, cs: ciphersuite(crypto), config }
  return {
    keyPackage: (options) => makeKeyPackage(suite, options),
    async create(groupId, leaf, lifetime) {
      const own = await generate(suite, { leaf, lifetime, extensions: [] })
      const state = await createGroup(
        groupId,
        own.publicPackage,
        own.privatePackage,
        [],
        suite.cs,
        suite.config,
      )
      return new TsMlsMember(suite, state)
    },
    joinFromWelcome: (welcome, own, ratchetTree) =>
      guarded("welcome", async () => {
        const message = decodeWhole(decodeMlsMessage, welcome.slice())
        if (message.wireformat !== "mls_welcome") throw new MemberError("wire format")
        const keyPackage = decodeWhole(decodeKeyPackage, own.keyPackage)
        const state = await join(suite, message.welcome, keyPackage, own.secrets, ratchetTree)
        return new TsMlsMember(suite, state)
      }),
    joinExternal: (groupInfo, ratchetTree, leaf, authenticatedData) =>
      guarded("external join", () => joinExternal(suite, groupInfo, ratchetTree, leaf, authenticatedData)),
    restore: (state) => {
      try {
        return TsMlsMember.restore(suite, state)
      } catch {
        throw new MemberError("state")
      }
    },
  }
}

async function generate(suite: Suite, options: KeyPackageOptions) {
  const { leaf, lifetime, extensions } = options
  return await generateKeyPackageWithKey(
    { credentialType: "basic", identity: leaf.identity },
    capabilities,
    { notBefore: BigInt(lifetime.notBefore), notAfter: BigInt(lifetime.notAfter) },
    extensions.map(({ type, data }) => ({ extensionType: type, extensionData: data })),
    { signKey: leaf.signatureSeed, publicKey: suite.crypto.ed25519Public(leaf.signatureSeed) },
    suite.cs,
  )
}

async function makeKeyPackage(suite: Suite, options: KeyPackageOptions) {
  const { publicPackage, privatePackage } = await generate(suite, options)
  return {
    keyPackage: encodeKeyPackage(publicPackage),
    ref: await makeKeyPackageRef(publicPackage, suite.cs.hash),
    secrets: {
      initKey: privatePackage.initPrivateKey,
      encryptionKey: privatePackage.hpkePrivateKey,
      signatureSeed: privatePackage.signaturePrivateKey,
    },
  }
}

/**
 * RFC 9420 section 12.4.3.1. ts-mls's own joinGroup refuses trees in which an ancestor's unmerged leaves were merged
 * and a descendant's were not, which is legal; this is the same procedure with the tree checked by our observer.
 */
async function join(
  suite: Suite,
  welcome: Welcome,
  keyPackage: KeyPackage,
  secrets: KeyPackageSecrets,
  ratchetTree: Uint8Array,
): Promise<ClientState> {
  const { cs } = suite
  const tree = decodeWhole(decodeRatchetTree, ratchetTree.slice())
  const noPsk = new Uint8Array(cs.kdf.size)
  const initKey = await cs.hpke.importPrivateKey(secrets.initKey)
  const ref = await makeKeyPackageRef(keyPackage, cs.hash)
  const groupSecrets = await decryptGroupSecrets(initKey, ref, welcome, cs.hpke)
  if (groupSecrets === undefined || groupSecrets.psks.length > 0) throw new MemberError("group secrets")
  const { joinerSecret, pathSecret } = groupSecrets
  const info = await decryptGroupInfo(welcome, joinerSecret, noPsk, cs)
  if (info === undefined || info.groupContext.cipherSuite !== keyPackage.cipherSuite) {
    throw new MemberError("group info")
  }
  const observed = decodeOwnGroupInfo(encodeGroupInfo(info))
  observeGroup(suite1(suite.crypto), observed, FlatTree.decode(suite1(suite.crypto), ratchetTree))
  if (!(await verifyGroupInfoConfirmationTag(info, joinerSecret, noPsk, cs))) {
    throw new MemberError("confirmation tag")
  }
  const leaf = findLeafIndex(tree, keyPackage.leafNode)
  if (leaf === undefined) throw new MemberError("own leaf")
  const leafKey: PrivateKeyPath = {
    leafIndex: leaf,
    privateKeys: { [leafToNodeIndex(leaf)]: secrets.encryptionKey },
  }
  let privatePath = leafKey
  if (pathSecret !== undefined) {
    const ancestor = firstCommonAncestor(tree, leaf, toLeafIndex(info.signer))
    const path = await pathToRoot(tree, ancestor, pathSecret, cs.kdf)
    privatePath = mergePrivateKeyPaths(await toPrivateKeyPath(path, leaf, cs), leafKey)
  }
  const [keySchedule, encryptionSecret] = await deriveKeySchedule(
    joinerSecret,
    noPsk,
    info.groupContext,
    cs.kdf,
  )
  const secretTree = await createSecretTree(leafWidth(tree.length), encryptionSecret, cs.kdf)
  wipe(encryptionSecret, joinerSecret)
  return {
    groupContext: info.groupContext,
    ratchetTree: tree,
    privatePath,
    signaturePrivateKey: secrets.signatureSeed,
    confirmationTag: info.confirmationTag,
    unappliedProposals: {},
    keySchedule,
    secretTree,
    historicalReceiverData: new Map(),
    groupActiveState: { kind: "active" },
    clientConfig: config,
  }
}

async function joinExternal(
  suite: Suite,
  groupInfo: Uint8Array,
  ratchetTree: Uint8Array,
  leaf: OwnLeaf,
  authenticatedData: Uint8Array,
) {
  const info = decodeWhole(decodeGroupInfo, groupInfo.slice())
  const tree = decodeWhole(decodeRatchetTree, ratchetTree.slice())
  // The leaf of the KeyPackage is replaced by that of the commit's path, so its lifetime is never seen.
  const own = await generate(suite, { leaf, lifetime: { notBefore: 0, notAfter: 0 }, extensions: [] })
  const { publicMessage, newState } = await joinGroupExternal(
    info,
    own.publicPackage,
    own.privatePackage,
    false,
    suite.cs,
    tree,
    config,
    authenticatedData,
  )
  return {
    commit: encodeMlsMessage({ version: "mls10", wireformat: "mls_public_message", publicMessage }),
    welcome: undefined,
    next: new TsMlsMember(suite, newState),
  }
}
