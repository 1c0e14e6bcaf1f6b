import { seal } from "../crypto/hpke.ts"
import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { signLabeled } from "../crypto/signature.ts"
import { KEY_BYTES } from "../limits.ts"
import { utf8 } from "../wire/bytes.ts"
import { decodeIssuedCredential, type Expiration } from "../wire/credential-format.ts"
import { type VerifiedClientCredential, verifyChainOfAnyDomain } from "../wire/credentials.ts"
import {
  type CredentialPurpose,
  type LeafOwner,
  openCredential,
  sealCredential,
} from "../wire/encrypted-credential.ts"
import { leafLifetime, makeLeafCredential, verifyLeafCredential } from "../wire/leaf-credential.ts"
import { encodeClientQueueConfig, encodeQueueConfig, queueConfigTbs } from "../wire/queue-config.ts"
import { formatUserId, userOfClient } from "../wire/user-id.ts"
import type { MemberRecord, OwnLeafLife } from "./group-records.ts"
import type { MemberLeaf, OwnLeaf } from "./mls/member.ts"
import { renewalTime } from "./pace.ts"
import type { RegisteredAccount } from "./records.ts"
import type { Trust } from "./trust.ts"

/** A fresh pseudonym: nothing of it is used in a second group. */
export interface FreshLeaf {
  readonly leaf: OwnLeaf
  readonly publicKey: Uint8Array
  readonly owner: LeafOwner
  readonly life: OwnLeafLife
}

type Owner = Pick<RegisteredAccount, "clientSeed" | "credential">

/** `now` in seconds. Throws CredentialError if the own client credential has expired. */
export function freshLeaf(crypto: CryptoProvider, account: Owner, now: number): FreshLeaf {
  return leafWithKey(crypto, account, crypto.random(KEY_BYTES), now)
}

/** A leaf that replaces an own one of the same group, whose signature seed it keeps. Otherwise as {@link freshLeaf}. */
export function leafWithKey(
  crypto: CryptoProvider,
  account: Owner,
  signatureSeed: Uint8Array,
  now: number,
): FreshLeaf {
  const signatureKey = crypto.random(KEY_BYTES)
  const identity = makeLeafCredential(crypto, {
    clientSeed: account.clientSeed,
    clientCredential: account.credential,
    leafSeed: signatureSeed,
    signatureKey,
    now,
  })
  const { notAfter } = leafLifetime(clientExpiration(account), now)
  return {
    leaf: { identity, signatureSeed },
    publicKey: crypto.ed25519Public(signatureSeed),
    owner: { clientCredential: account.credential, signatureKey },
    life: lifeInGroup({ credential: account.credential, notAfter }, now),
  }
}

function clientExpiration({ credential }: Owner): Expiration {
  return decodeIssuedCredential("client", credential).expiration
}

/** The life in a group of a leaf that enters it now and ends then; each is replaced at a time of its own. */
export function lifeInGroup(
  { credential, notAfter }: Pick<OwnLeafLife, "credential" | "notAfter">,
  now: number,
): OwnLeafLife {
  return { credential, notAfter, renewal: renewalTime({ notBefore: now, notAfter }) }
}

/** This client as a member of a group. */
export function ownRecord(
  crypto: CryptoProvider,
  { clientId, clientSeed, domain }: RegisteredAccount,
  leaf: number,
): MemberRecord {
  const user = formatUserId(userOfClient(clientId), domain)
  return { leaf, user, client: clientId, key: crypto.ed25519Public(clientSeed) }
}

type QueueOwner = Pick<RegisteredAccount, "domain" | "qs" | "qsClientSeed" | "pushTokenKey">

/**
 * The own queue, for the DS and for KeyPackages: encrypted anew every time, so that two of them have nothing in common. The
 * push token key is always in it: so nothing has to be changed in any group when the client begins to want pushes.
 */
export function freshQueueConfig(
  crypto: CryptoProvider,
  { domain, qs, qsClientSeed, pushTokenKey }: QueueOwner,
): Uint8Array {
  const plaintext = encodeQueueConfig({ client: qs.client, pushTokenKey })
  const sealed = seal(crypto, qs.configKey, labels.queueConfig, utf8(domain), plaintext)
  const signature = signLabeled(
    crypto,
    qsClientSeed,
    labels.queueConfigSignature,
    queueConfigTbs({ domain, sealed }),
  )
  return encodeClientQueueConfig({ domain, sealed, signature })
}

/** Encrypts a leaf's owner for the members of a group. */
export function sealForGroup(
  crypto: CryptoProvider,
  credentialKey: Uint8Array,
  leafPublicKey: Uint8Array,
  owner: LeafOwner,
): Uint8Array {
  return sealCredential(crypto, "group", credentialKey, leafPublicKey, owner)
}

/** A leaf whose owner was verified up to the root of its domain. */
export interface VerifiedLeaf {
  readonly record: MemberRecord
  readonly owner: LeafOwner
  readonly client: VerifiedClientCredential
}

/**
 * Finds out whose a leaf is. Throws CryptoError or CodecError if the encryption does not open for this leaf,
 * CredentialError if the credentials do not verify.
 */
export async function verifyLeaf(
  crypto: CryptoProvider,
  trust: Trust,
  purpose: CredentialPurpose,
  key: Uint8Array,
  leaf: MemberLeaf,
  sealed: Uint8Array,
  now: number,
): Promise<VerifiedLeaf> {
  const owner = openCredential(crypto, purpose, key, leaf.signatureKey, sealed)
  const client = await trust.verify((source) =>
    verifyChainOfAnyDomain(crypto, source, owner.clientCredential, now),
  )
  verifyLeafCredential(crypto, {
    leafCredential: leaf.identity,
    leafPublicKey: leaf.signatureKey,
    signatureKey: owner.signatureKey,
    client,
    now,
  })
  const user = formatUserId(userOfClient(client.clientId), client.domain)
  const record = { leaf: leaf.leaf, user, client: client.clientId, key: client.publicKey }
  return { record, owner, client }
}
