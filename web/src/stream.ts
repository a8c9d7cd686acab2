// The live stream: one WebSocket that comes back by itself. Whoever shows its
// data also shows whether it is current: "lost" means that what is on the
// screen may be old.
import type { LogMessage, Status } from "./api";

export type Link = "connecting" | "live" | "lost";

export interface StreamHandlers {
  status(status: Status): void;
  log(message: LogMessage): void;
  link(link: Link): void;
}

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 10_000;

export function openStream(handlers: StreamHandlers): () => void {
  let socket: WebSocket | undefined;
  let timer: number | undefined;
  let wait_ms = FIRST_WAIT_MS;
  let closed = false;

  function connect() {
    socket = new WebSocket(`wss://${location.host}/api/v1/stream`);
    socket.onmessage = (event) => {
      const message = JSON.parse(String(event.data));
      if (message.type === "status") {
        wait_ms = FIRST_WAIT_MS;
        handlers.link("live");
        handlers.status(message);
      } else if (message.type === "log") {
        handlers.log(message);
      }
    };
    socket.onclose = () => {
      if (closed) return;
      handlers.link("lost");
      timer = window.setTimeout(connect, wait_ms);
      wait_ms = Math.min(wait_ms * 2, MAX_WAIT_MS);
    };
  }

  handlers.link("connecting");
  connect();
  return () => {
    closed = true;
    window.clearTimeout(timer);
    socket?.close();
  };
}
