/**
 * The names of Unix sockets on one host: who holds which, and who listens. Paths and abstract names share one table; there
 * is no file system, and a path is taken as it is written.
 *
 * Lifecycle of a name: a socket binds it, and it is free again when that socket is closed.
 *
 * @since 0.1.0
 */
import type { UnixAddress } from "../../Address/index.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import type { SimulatedListener } from "./Listener.js"

/** A name that somebody holds. @internal */
export interface PathBinding {
  readonly path: string
  listener: SimulatedListener<UnixAddress> | undefined
}

/** @internal */
export class Paths {
  private readonly bindings = new Map<string, PathBinding>()

  bind(path: string): PathBinding | SocketErrorReason {
    if (this.bindings.has(path)) return "AddressInUse"
    const binding: PathBinding = { path, listener: undefined }
    this.bindings.set(path, binding)
    return binding
  }

  release({ path }: PathBinding): void {
    this.bindings.delete(path)
  }

  /** Whether nobody holds it. */
  isFree(path: string): boolean {
    return !this.bindings.has(path)
  }

  listenerAt(path: string): SimulatedListener<UnixAddress> | undefined {
    return this.bindings.get(path)?.listener
  }
}
