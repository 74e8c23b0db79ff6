import { timestampDate } from "@bufbuild/protobuf/wkt";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { activity, explain } from "../api/clients";
import type { ActivityEvent } from "../gen/mission/activity/v1/activity_pb";
import { Notice } from "../shell/Notice";

const SHOWN = 30;
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** What happened on the board, newest first. */
export function Activity({ boardId }: { boardId: string }) {
  const list = useQuery({
    queryKey: ["activity", boardId],
    queryFn: () => activity.listActivity({ boardId, limit: SHOWN }),
    placeholderData: keepPreviousData,
  });
  return (
    <section aria-label="Activity" className="rounded-xl border border-(--line) bg-(--surface) p-4">
      <h2 className="pb-3 text-sm font-semibold">Activity</h2>
      {list.error && <Notice text={explain(list.error)} onRetry={() => void list.refetch()} />}
      {list.isPending && <div aria-busy="true" className="h-24 animate-pulse rounded-lg bg-(--raised)" />}
      {list.data?.items.length === 0 && <p className="text-xs text-(--muted)">Nothing has happened yet.</p>}
      <ol className="flex max-h-112 flex-col gap-2 overflow-y-auto text-xs">
        {list.data?.items.map((event) => (
          <Line key={event.id} event={event} />
        ))}
      </ol>
    </section>
  );
}

function Line({ event }: { event: ActivityEvent }) {
  const at = event.createdAt && timestampDate(event.createdAt);
  return (
    <li data-event-type={event.eventType} className="flex gap-3">
      <time dateTime={at?.toISOString()} className="shrink-0 text-(--muted) tabular-nums">
        {at && CLOCK.format(at)}
      </time>
      <span className="min-w-0 break-words">{event.message ?? event.eventType}</span>
    </li>
  );
}
