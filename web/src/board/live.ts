// The live connection of one board: it resumes where it stood, so nothing is missed and nothing is seen twice.

import { feed } from "../api/clients";
import type { Event } from "../gen/mission/event/v1/event_pb";

export type Connection = "connecting" | "live" | "reconnecting";

interface Listener {
  /** Called once per connection that starts afresh, before any event of it. */
  onStart: () => void;
  onEvent: (event: Event) => void;
  onConnection: (state: Connection) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Follows a board until the signal aborts. */
export async function follow(boardId: string, listener: Listener, signal: AbortSignal): Promise<void> {
  let position: bigint | undefined;
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      const request = position === undefined ? { boardId } : { boardId, afterSequence: position };
      for await (const message of feed.watch(request, { signal })) {
        if (position === undefined) listener.onStart();
        position = message.sequence;
        wait = FIRST_WAIT_MS;
        listener.onConnection("live");
        if (message.event) listener.onEvent(message.event);
      }
    } catch {
      // Every end is treated alike: wait, then resume.
    }
    if (signal.aborted) return;
    listener.onConnection("reconnecting");
    await pause(wait * (0.8 + Math.random() * 0.4), signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
