/**
 * A connection over a named pipe in byte mode: a stream like any other, but for its ending.
 *
 * A pipe has no halves. To end one would end both, so it is refused, before anything has happened. And it has no reset: who
 * aborts closes, and what was written is there to be read.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { PipeAddress } from "../../Address/index.js"
import { closed, type NetworkError, type SocketError, unsupported, withDetails } from "../../Errors/index.js"
import type { ProactorPipe } from "../../Proactor/NamedPipe.js"
import type { AcceptOperation } from "../../Proactor/Operation.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import type { Listener } from "../Listener.js"
import type { Accepted } from "./AcceptQueue.js"
import { ListenerOver } from "./ListenerOver.js"
import { StreamConnection } from "./StreamConnection.js"

/** @internal */
export class PipeConnection extends StreamConnection<PipeAddress> {
  readonly pipe: ProactorPipe

  constructor(pipe: ProactorPipe, address: PipeAddress) {
    super(pipe, address)
    this.pipe = pipe
  }

  override shutdown(): Effect.Effect<never, SocketError> {
    return Effect.suspend(() =>
      Effect.fail(
        this.lifetime.isOpen ? withDetails(noHalves(), { address: this.peer }) : closed("shutdown", this.peer)
      )
    )
  }

  override get abort(): Effect.Effect<void> {
    return this.close
  }
}

const noHalves = (): NetworkError =>
  unsupported("shutdown", "a pipe has no halves: say in the protocol that no more comes, or close it")

/** @internal */
export class PipeListener
  extends ListenerOver<PipeAddress, ProactorPipe, PipeConnection>
  implements Listener<PipeAddress>
{
  constructor(
    socket: ProactorHandle<AcceptOperation<PipeAddress, ProactorPipe>>,
    address: PipeAddress,
    mostConnections: number | undefined
  ) {
    super(socket, address, mostConnections)
  }

  protected override connection({ socket }: Accepted<PipeAddress, ProactorPipe>): PipeConnection {
    return new PipeConnection(socket, this.address)
  }
}
