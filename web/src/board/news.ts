// What an event makes old of what a board's page has asked for besides its tasks. Nothing is asked for again without an event.

import type { QueryClient } from "@tanstack/react-query";
import type { Event } from "../gen/mission/event/v1/event_pb";

/** Beginnings of query keys; the second part of a key is the board's id. */
export type Part = "board" | "approvals" | "activity";

export const EVERYTHING: readonly Part[] = ["board", "approvals", "activity"];

/** How long news is gathered before it is asked about, so that a burst costs one question. */
const GATHER_MS = 400;

export function touched(event: Event): readonly Part[] {
  const kind = event.type.split(".")[0];
  if (kind === "approval") return ["approvals", "activity"];
  if (kind === "board") return ["board", "activity"];
  return ["activity"];
}

/** Has parts of a board's page asked for again, together and soon. */
export class News {
  private readonly parts = new Set<Part>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly queries: QueryClient,
    private readonly boardId: string,
  ) {}

  tell(parts: readonly Part[]): void {
    for (const part of parts) this.parts.add(part);
    this.timer ??= setTimeout(() => this.ask(), GATHER_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private ask(): void {
    this.timer = undefined;
    for (const part of this.parts) {
      void this.queries.invalidateQueries({ queryKey: [part, this.boardId] });
    }
    this.parts.clear();
  }
}
