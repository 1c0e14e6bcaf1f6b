import { encodeGroupContext } from "../../src/mls/codec/group-context.ts"
import type { Member } from "../../src/mls/member/group.ts"
import { observeCommit } from "../../src/mls/observer/commit.ts"
import { observeCreation } from "../../src/mls/observer/creation.ts"
import { type AuthenticatedProposal, observeProposal } from "../../src/mls/observer/proposal.ts"
import type { PublicGroupState } from "../../src/mls/observer/state.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import type { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { equal, toHex } from "../../src/wire/bytes.ts"
import { clock, customProposals } from "./member-fixtures.ts"

/** What everybody in a simulation asks of messages beside RFC 9420's rules. */
export const policy = { ...clock, customProposals }

/** Follows a group from outside, as the DS does. */
export class Observer {
  readonly #suite: CipherSuite
  #state: PublicGroupState
  #tree: FlatTree
  #proposals = new Map<string, AuthenticatedProposal>()

  constructor(suite: CipherSuite, groupInfo: Uint8Array, ratchetTree: Uint8Array) {
    this.#suite = suite
    const seen = observeCreation(suite, groupInfo, ratchetTree, clock.now)
    this.#state = seen.state
    this.#tree = seen.tree
  }

  propose(message: Uint8Array): void {
    const proposal = observeProposal(this.#suite, this.#state, this.#tree, message, policy)
    this.#proposals.set(toHex(proposal.ref), proposal)
  }

  commit(message: Uint8Array): void {
    const options = { ...policy, proposals: this.#proposals }
    const staged = observeCommit(this.#suite, this.#state, this.#tree, message, options)
    this.#state = staged.next
    this.#tree = staged.tree
    this.#proposals = new Map()
  }

  agreesWith(member: Member): boolean {
    const { context, interimTranscriptHash } = this.#state
    return (
      equal(encodeGroupContext(context), member.encodedContext()) &&
      equal(interimTranscriptHash, member.group.interimTranscriptHash) &&
      equal(this.#tree.snapshot(), member.tree.snapshot())
    )
  }
}
