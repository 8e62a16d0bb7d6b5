/** The connections of a server, and the requests that are being answered on each. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export class Connections {
  /** The answers that have not been sent to their end. */
  readonly #open = new Map<Socket, Set<ServerResponse>>();
  #isEnding = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#open.set(socket, new Set());
      socket.once('close', () => this.#open.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      const answers = this.#open.get(socket);
      answers?.add(response);
      response.once('close', () => {
        answers?.delete(response);
        if (this.#isEnding && answers?.size === 0) socket.destroySoon();
      });
    });
  }

  /** Whether a part of an answer has been sent on a connection, and not its end. */
  isAnswering(socket: Socket): boolean {
    return [...(this.#open.get(socket) ?? [])].some(({ headersSent }) => headersSent);
  }

  /**
   * Closes each connection when no request is being answered on it. Browsers open some ahead and keep others for their
   * next request; the end of a server would wait for them until their time is over.
   */
  end(): void {
    this.#isEnding = true;
    for (const [socket, answers] of this.#open) if (answers.size === 0) socket.destroySoon();
  }
}
