import { Type } from "@sinclair/typebox"
import {
  ADDS_PER_COMMIT_MAX,
  APPLICATION_MESSAGE_BYTES_MAX,
  ENCRYPTED_CREDENTIAL_BYTES_MAX,
  GROUP_INFO_BYTES_MAX,
  GROUP_INFO_EXTENSIONS_BYTES_MAX,
  GROUP_STATE_BYTES_MAX,
  HANDSHAKE_BYTES_MAX,
  MEMBERS_MAX,
  PROPOSAL_BYTES_MAX,
  QUEUE_CONFIG_BYTES_MAX,
  RATCHET_TREE_BYTES_MAX,
  SMALL_REQUEST_BODY_BYTES_MAX,
  WELCOME_ATTRIBUTION_BYTES_MAX,
} from "../limits.ts"
import {
  boundedBytes,
  Count,
  closed,
  Epoch,
  endpoint,
  Id,
  Key,
  Nothing,
  SecretKey,
  Signature,
} from "./endpoint.ts"

/** What every operation on an existing group names: the group, and the key that opens its state for this request. */
const group = { groupId: Id("group id"), earKey: SecretKey("EAR key of the group, wiped after the request") }

const Handshake = boundedBytes(HANDSHAKE_BYTES_MAX, "MLSMessage with a commit as PublicMessage")

/** What the DS cannot make itself of the next GroupInfo (docs/protocol.md section 5.2). */
export const GroupInfoUpdate = closed({
  extensions: boundedBytes(
    GROUP_INFO_EXTENSIONS_BYTES_MAX,
    "Extension extensions<V>, external_pub among them",
  ),
  signature: Signature("committer's signature over the next GroupInfo"),
})

const EncryptedCredentials = Type.Array(
  closed({
    leaf: Count(MEMBERS_MAX, "leaf index"),
    credential: boundedBytes(ENCRYPTED_CREDENTIAL_BYTES_MAX, "under the group's credential key"),
  }),
)

const QueueConfig = boundedBytes(QUEUE_CONFIG_BYTES_MAX, "ClientQueueConfig")
const RatchetTree = boundedBytes(GROUP_STATE_BYTES_MAX, "ratchet_tree")
const commitProblems = [
  "ds.wrong-epoch",
  "ds.invalid-message",
  "ds.not-allowed",
  "ds.proposals-pending",
  "ds.group-too-large",
  "ds.fan-out-too-large",
  "queue.full",
] as const

/** The delivery service's operations (docs/protocol.md section 5.3). */
export const ds = {
  requestGroupId: endpoint({
    name: "ds.request-group-id",
    path: "/ds/request-group-id",
    sender: "none",
    summary: "Reserves a fresh random group id for a limited time.",
    params: Nothing,
    result: closed({
      groupId: Id("reserved group id"),
      removalKey: Key("the only external sender of the group: with this key the server proposes removals"),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  createGroup: endpoint({
    name: "ds.create-group",
    path: "/ds/create-group",
    sender: "leaf",
    summary: "Creates a group with its creator as the only member and admin.",
    params: closed({
      ...group,
      groupInfo: boundedBytes(GROUP_INFO_BYTES_MAX, "GroupInfo of epoch 0 with external_pub"),
      ratchetTree: boundedBytes(RATCHET_TREE_BYTES_MAX, "ratchet_tree with one leaf"),
      encryptedCredential: boundedBytes(ENCRYPTED_CREDENTIAL_BYTES_MAX, "under the group's credential key"),
      queueConfig: QueueConfig,
    }),
    result: Nothing,
    problems: ["ds.invalid-message", "ds.not-allowed", "ds.group-too-large"],
  }),
  updateQueueConfig: endpoint({
    name: "ds.update-queue-config",
    path: "/ds/update-queue-config",
    sender: "leaf",
    summary: "Says where the sender's messages go from now on.",
    params: closed({ ...group, queueConfig: QueueConfig }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["ds.not-allowed"],
  }),
  externalCommitInfo: endpoint({
    name: "ds.external-commit-info",
    path: "/ds/external-commit-info",
    sender: "none",
    summary: "What an external commit needs: GroupInfo, tree and encrypted credentials.",
    params: closed(group),
    result: closed({
      groupInfo: boundedBytes(GROUP_INFO_BYTES_MAX, "GroupInfo"),
      ratchetTree: RatchetTree,
      encryptedCredentials: EncryptedCredentials,
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["auth.refused"],
  }),
  joinConnectionGroup: endpoint({
    name: "ds.join-connection-group",
    path: "/ds/join-connection-group",
    sender: "none",
    summary: "Joins a group of one member by an external commit, which is signed by the joining leaf.",
    params: closed({ ...group, commit: Handshake, groupInfo: GroupInfoUpdate, queueConfig: QueueConfig }),
    result: Nothing,
    problems: ["auth.refused", ...commitProblems],
  }),
  welcomeInfo: endpoint({
    name: "ds.welcome-info",
    path: "/ds/welcome-info",
    sender: "kpref",
    summary: "The tree and encrypted credentials of the epoch in which the caller was added.",
    params: closed({ ...group, epoch: Epoch }),
    result: closed({ ratchetTree: RatchetTree, encryptedCredentials: EncryptedCredentials }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  addUsers: endpoint({
    name: "ds.add-users",
    path: "/ds/add-users",
    sender: "leaf",
    summary: "A commit with Adds by an admin; every joiner gets a WelcomeBundle, every member the commit.",
    params: closed({
      ...group,
      commit: Handshake,
      groupInfo: GroupInfoUpdate,
      welcome: boundedBytes(HANDSHAKE_BYTES_MAX, "MLSMessage with the Welcome"),
      attributions: Type.Array(
        boundedBytes(
          WELCOME_ATTRIBUTION_BYTES_MAX,
          "WelcomeAttributionInfo under the joiner's friendship key",
        ),
        { minItems: 1, maxItems: ADDS_PER_COMMIT_MAX, description: "one per Add, in their order" },
      ),
    }),
    result: Nothing,
    problems: commitProblems,
  }),
  removeUsers: endpoint({
    name: "ds.remove-users",
    path: "/ds/remove-users",
    sender: "leaf",
    summary: "A commit of Removes alone, by an admin.",
    params: closed({ ...group, commit: Handshake, groupInfo: GroupInfoUpdate }),
    result: Nothing,
    problems: commitProblems,
  }),
  updateClient: endpoint({
    name: "ds.update-client",
    path: "/ds/update-client",
    sender: "leaf",
    summary: "A commit with a path that renews the sender's keys and refers to all stored proposals.",
    params: closed({ ...group, commit: Handshake, groupInfo: GroupInfoUpdate }),
    result: Nothing,
    problems: commitProblems,
  }),
  changeRoles: endpoint({
    name: "ds.change-roles",
    path: "/ds/change-roles",
    sender: "leaf",
    summary: "A commit of GroupContextExtensions alone, by an admin, that says who is an admin.",
    params: closed({ ...group, commit: Handshake, groupInfo: GroupInfoUpdate }),
    result: Nothing,
    problems: commitProblems,
  }),
  resync: endpoint({
    name: "ds.resync",
    path: "/ds/resync",
    sender: "leaf",
    summary: "Joins again by an external commit that replaces the sender's leaf; queue and role stay.",
    params: closed({ ...group, commit: Handshake, groupInfo: GroupInfoUpdate }),
    result: Nothing,
    problems: commitProblems,
  }),
  selfRemove: endpoint({
    name: "ds.self-remove",
    path: "/ds/self-remove",
    sender: "leaf",
    summary: "Proposes that the sender leaves; the next update commits it.",
    params: closed({
      ...group,
      proposal: boundedBytes(PROPOSAL_BYTES_MAX, "MLSMessage with a SelfRemove as PublicMessage"),
    }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: [
      "ds.wrong-epoch",
      "ds.invalid-message",
      "ds.not-allowed",
      "ds.proposals-pending",
      "queue.full",
    ],
  }),
  deleteGroup: endpoint({
    name: "ds.delete-group",
    path: "/ds/delete-group",
    sender: "leaf",
    summary: "A commit by an admin that removes everybody else; then the group is deleted.",
    params: closed({ ...group, commit: Handshake }),
    result: Nothing,
    problems: [
      "ds.wrong-epoch",
      "ds.invalid-message",
      "ds.not-allowed",
      "ds.proposals-pending",
      "ds.fan-out-too-large",
      "queue.full",
    ],
  }),
  sendMessage: endpoint({
    name: "ds.send-message",
    path: "/ds/send-message",
    sender: "leaf",
    summary: "An application message to all other members.",
    params: closed({
      ...group,
      message: boundedBytes(
        APPLICATION_MESSAGE_BYTES_MAX,
        "MLSMessage with an application message as PrivateMessage",
      ),
    }),
    result: Nothing,
    bodyBytesMax: APPLICATION_MESSAGE_BYTES_MAX + SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["ds.wrong-epoch", "ds.invalid-message", "ds.fan-out-too-large", "queue.full"],
  }),
} as const
