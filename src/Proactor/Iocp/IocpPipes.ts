/**
 * Named pipes over a completion port: how listeners and connections are made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format, type PipeAddress } from "../../Address/index.js"
import { closed, isSocketError, type SocketError } from "../../Errors/index.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import type { PipeMode } from "../../Iocp/Pipe.js"
import { openClientEnd } from "../../Iocp/PipeCalls.js"
import { SecurityAttributes } from "../../Iocp/Security.js"
import type { PipeListenOptions, ProactorMessagePipe, ProactorPipe, ProactorPipes } from "../NamedPipe.js"
import type { AcceptOperation } from "../Operation.js"
import type { ProactorHandle } from "../Proactor.js"
import type { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import { IocpMessagePipe } from "./IocpMessagePipe.js"
import { IocpPipe } from "./IocpPipe.js"
import { type Furnish, IocpPipeListener } from "./IocpPipeListener.js"

/** @internal */
export class IocpPipes implements ProactorPipes {
  private readonly host: IocpHost

  constructor(host: IocpHost) {
    this.host = host
  }

  listen(
    options: PipeListenOptions
  ): Effect.Effect<ProactorHandle<AcceptOperation<PipeAddress, ProactorPipe>>, SocketError> {
    return this.listener<ProactorPipe>("byte", options, (handle) => {
      const pipe = new IocpPipe(this.host, handle, options.address, "server")
      return this.host.associate(pipe, "accept") ?? pipe
    })
  }

  listenForMessages(
    options: PipeListenOptions
  ): Effect.Effect<ProactorHandle<AcceptOperation<PipeAddress, ProactorMessagePipe>>, SocketError> {
    return this.listener<ProactorMessagePipe>("message", options, (handle) => {
      const pipe = new IocpMessagePipe(this.host, handle, options.address, "server")
      return this.host.associate(pipe, "accept") ?? pipe
    })
  }

  connect(address: PipeAddress): Effect.Effect<ProactorPipe, SocketError> {
    return this.connected(address, "byte", (handle) => new IocpPipe(this.host, handle, address, "client"))
  }

  connectForMessages(address: PipeAddress): Effect.Effect<ProactorMessagePipe, SocketError> {
    return this.connected(
      address,
      "message",
      (handle) => new IocpMessagePipe(this.host, handle, address, "client")
    )
  }

  private listener<S>(
    mode: PipeMode,
    options: PipeListenOptions,
    furnish: Furnish<S>
  ): Effect.Effect<IocpPipeListener<S>, SocketError> {
    return Effect.suspend(() => {
      const { address, allowRemote, bufferBytes, maxInstances } = options
      const settings = { address, allowRemote, bufferBytes, maxInstances, mode }
      if (this.host.isEnding) return Effect.fail(closed("listen", format(address)))
      const security = securityOf(options)
      if (isSocketError(security)) return Effect.fail(security)
      const listener = new IocpPipeListener(this.host, settings, security, furnish)
      const failure = listener.open()
      return failure === undefined ? Effect.succeed(listener) : Effect.fail(failure)
    })
  }

  private connected<P extends IocpHandle>(
    address: PipeAddress,
    mode: PipeMode,
    furnish: (handle: number) => P
  ): Effect.Effect<P, SocketError> {
    const refused = () => closed("connect", format(address))
    return Effect.suspend(() => {
      if (this.host.isEnding) return Effect.fail(refused())
      return Effect.flatMap(openClientEnd(address, mode, "connect"), (handle) => {
        if (this.host.isEnding) {
          kernel32().CloseHandle(handle)
          return Effect.fail(refused())
        }
        const pipe = furnish(handle)
        const failure = this.host.associate(pipe, "connect")
        return failure === undefined ? Effect.succeed(pipe) : Effect.fail(failure)
      })
    })
  }
}

const securityOf = ({ securityDescriptor }: PipeListenOptions) =>
  securityDescriptor === undefined ? undefined : SecurityAttributes.make(securityDescriptor, "listen")
