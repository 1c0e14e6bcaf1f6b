import type { CiphersuiteImpl, ClientConfig } from "ts-mls"
import type { CryptoProvider } from "../../crypto/provider.ts"

/** What every operation needs beside the state. */
export interface Suite {
  readonly crypto: CryptoProvider
  readonly cs: CiphersuiteImpl
  readonly config: ClientConfig
}
