/**
 * @since 0.1.0
 */
export type {
  AnyConnection,
  Connection,
  ReadLineOptions,
  ReadOptions,
  SendFileOptions,
  TimeoutOptions
} from "./Connection.js"
export * as Future from "./Future.js"
export type { Listener } from "./Listener.js"
export * from "./Net.js"
export {
  type Addresses,
  fromLookup,
  type Lookup,
  type LookupQuery,
  Resolver,
  type ResolverService,
  systemLookup,
  tableLookup
} from "./Resolver.js"
export { select } from "./Select.js"
export type { Drained, ServeOptions, ServeOptionsOf } from "./Serving.js"
export * from "./Simulated.js"
