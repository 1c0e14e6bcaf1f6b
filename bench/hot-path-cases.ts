import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { encodeKeyPackage } from "../src/mls/codec/key-package.ts"
import { keyPackageRef } from "../src/mls/index.ts"
import { suite1 } from "../src/mls/suites/suite1.ts"
import { type AuthoredCommit, type Candidate, makeCandidate } from "./author.ts"
import { deliveryModel, entriesFor, type Model } from "./model.ts"
import { addUsersData, type Client, type Group, memberOf, updateClientData } from "./population.ts"
import { operationBody, type TimedOperation } from "./signed-body.ts"

/** The requests whose costs are measured over the size of a group (hot-path.ts), with the model of each. */

const suite = suite1(crypto)

export const MESSAGE_BYTES = 512

/** Signatures that a commit makes the DS check: request, commit, GroupInfo, and the leaf or the KeyPackage with its leaf. */
export const PATH_SIGNATURES = 4
export const ADD_SIGNATURES = 5
const WELCOME_ATTRIBUTION_BYTES = 800
/** What the joiner's queue gets: Welcome, attribution and sealed key. */
const WELCOME_BUNDLE_BYTES = 1700

/** A group, and who was added last. */
export interface Subject {
  readonly group: Group
  readonly newcomer: Client
  joiner: { readonly candidate: Candidate; readonly leaf: number } | undefined
}

export interface Prepared {
  readonly body: Uint8Array
  /** Of what each recipient gets; of the answer, if nobody gets anything. */
  readonly messageBytes: number
  /** What is to be done when it was accepted. */
  accepted(): void
}

export interface Case {
  readonly name: string
  readonly operation: TimedOperation
  readonly recipients: "others" | "none"
  prepare(subject: Subject): Prepared
  model(model: Model, sizes: RecordSizes, recipients: number, messageBytes: number): number
}

export interface RecordSizes {
  readonly head: number
  readonly tree: number
}

export const pathCommit: Case = {
  name: "path commit",
  operation: "updateClient",
  recipients: "others",
  prepare({ group }) {
    const committed = group.author.commit(1, [], updateClientData)
    const body = operationBody("updateClient", memberOf(group, 1), handshake(group, committed))
    return { body, accepted: committed.accept, messageBytes: committed.commit.length }
  },
  model: pathModel,
}

/** In this order: whoever is added joins and is removed again. */
export const cases: readonly Case[] = [
  {
    name: "send",
    operation: "sendMessage",
    recipients: "others",
    prepare({ group }) {
      const message = group.author.applicationMessage(MESSAGE_BYTES)
      const body = operationBody("sendMessage", memberOf(group, 0), { ...keyOf(group), message })
      return { body, accepted: () => undefined, messageBytes: message.length }
    },
    model: (model, { head }, recipients, messageBytes) =>
      model.ear(head).open + model.verify + deliveryModel(model, recipients, entriesFor(messageBytes)),
  },
  pathCommit,
  {
    name: "Add of one",
    operation: "addUsers",
    recipients: "others",
    prepare(subject) {
      const { group, newcomer } = subject
      const candidate = makeCandidate(newcomer.queueConfig)
      const committed = group.author.commit(0, [candidate], addUsersData(1))
      const attributions = [new Uint8Array(WELCOME_ATTRIBUTION_BYTES)]
      const params = { ...handshake(group, committed), welcome: committed.welcome, attributions }
      const body = operationBody("addUsers", memberOf(group, 0), params)
      const accepted = () => {
        const before = new Set(group.author.tree.members())
        committed.accept()
        const leaf = group.author.tree.members().find((index) => !before.has(index)) as number
        subject.joiner = { candidate, leaf }
      }
      return { body, accepted, messageBytes: committed.commit.length }
    },
    model: (model, sizes, recipients, messageBytes) =>
      recordsModel(model, sizes) +
      ADD_SIGNATURES * model.verify +
      // The newcomer's config is opened and verified, and the EAR key sealed to it.
      model.hpkeOpen +
      model.verify +
      model.hpkeSeal +
      deliveryModel(model, recipients, entriesFor(messageBytes)) +
      model.chainSeal * entriesFor(WELCOME_BUNDLE_BYTES),
  },
  {
    name: "join: tree for a newcomer",
    operation: "welcomeInfo",
    recipients: "none",
    prepare({ group, joiner }) {
      const { seed, keyPackage } = (joiner as NonNullable<typeof joiner>).candidate
      const id = keyPackageRef(suite, encodeKeyPackage(keyPackage))
      const epoch = Number(group.author.state.context.epoch)
      const signer = { sender: { kind: "kpref", id }, seed } as const
      const body = operationBody("welcomeInfo", signer, { ...keyOf(group), epoch })
      return { body, accepted: () => undefined, messageBytes: group.author.tree.encode().length }
    },
    model: (model, { head, tree }) => model.ear(head).open + model.ear(tree).open + model.verify,
  },
  {
    name: "Remove of one",
    operation: "removeUsers",
    recipients: "others",
    prepare({ group, joiner }) {
      const { leaf } = joiner as NonNullable<typeof joiner>
      const committed = group.author.commit(0, [], new Uint8Array(0), [leaf])
      const body = operationBody("removeUsers", memberOf(group, 0), handshake(group, committed))
      return { body, accepted: committed.accept, messageBytes: committed.commit.length }
    },
    model: pathModel,
  },
]

export function keyOf({ author: { groupId }, earKey }: Group) {
  return { groupId, earKey }
}

export function handshake(group: Group, { commit, groupInfo }: AuthoredCommit) {
  return { ...keyOf(group), commit, groupInfo }
}

function pathModel(model: Model, sizes: RecordSizes, recipients: number, messageBytes: number): number {
  return (
    recordsModel(model, sizes) +
    PATH_SIGNATURES * model.verify +
    deliveryModel(model, recipients, entriesFor(messageBytes))
  )
}

export function recordsModel(model: Model, { head, tree }: RecordSizes): number {
  const [one, other] = [model.ear(head), model.ear(tree)]
  return one.open + one.seal + other.open + other.seal
}
