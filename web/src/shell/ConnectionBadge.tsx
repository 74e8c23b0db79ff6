import type { Connection } from "../board/live";

const LOOK: Record<Connection, { text: string; color: string }> = {
  connecting: { text: "Connecting", color: "bg-(--muted)" },
  live: { text: "Live", color: "bg-(--good)" },
  reconnecting: { text: "Reconnecting", color: "bg-(--warn)" },
};

/** Whether what is shown is the present. */
export function ConnectionBadge({ state }: { state: Connection }) {
  const { text, color } = LOOK[state];
  return (
    <output
      data-connection={state}
      className="flex items-center gap-2 rounded-full border border-(--line) px-3 py-1 text-xs"
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${color}`} />
      {text}
    </output>
  );
}
